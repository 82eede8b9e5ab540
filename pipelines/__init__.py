"""CSV files in, transform graph and TFRecord shards out: Apache Beam jobs."""

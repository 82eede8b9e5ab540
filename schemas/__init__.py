"""What is agreed on: spec, statistics and manifest messages, CSV dialect and numerals, run directory, errors."""

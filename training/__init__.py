"""TFRecord shards in, trained and exported models out: TensorFlow and Keras, no Beam, no TensorFlow Transform."""

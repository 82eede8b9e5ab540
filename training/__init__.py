"""TFRecord shards in, trained and exported models out: TensorFlow and Keras, no Beam, no TensorFlow Transform."""

from ..transforms.quiet import import_tensorflow

# Before any module here imports it: every way in (command line, batch job, Python) is then quiet.
import_tensorflow()

"""CSV files in, transform graph and TFRecord shards out: Apache Beam jobs."""

import logging

from ..transforms.quiet import import_tensorflow, quiet_start, tf_keras_kept

# Before any module here imports them: every way in (command line, batch job, worker) is then quiet.
import_tensorflow()
with quiet_start(), tf_keras_kept():
    import apache_beam  # noqa: F401  for its effects on the screen alone
    import tensorflow_transform  # noqa: F401  the same

logging.getLogger("apache_beam").setLevel(logging.ERROR)

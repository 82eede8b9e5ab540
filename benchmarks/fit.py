"""In: a run directory with examples. Out: seconds of an epoch of the default net, by prebake's trainer or by Keras' fit.

python -m benchmarks.fit prebake|keras RUN

prints, as one line of JSON, the seconds between the ends of the first and the last epoch, and how many epochs these are.
"""

from __future__ import annotations

import glob
import json
import os
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import Spec
from prebake.training.compile import compiled_model
from prebake.training.dataset import evaluation_batches, open_examples
from prebake.training.evaluate import BATCH_SIZE
from prebake.training.train import train

EPOCHS = 3


def by_prebake(run: str, spec: Spec) -> list[float]:
    """When each epoch ended."""
    spec.training.name = f"timed-{time.time_ns()}"
    directory = train(run, spec, progress=False).directory
    (log,) = glob.glob(os.path.join(directory, "logs", "train", "*"))
    events = map(tf.compat.v1.Event.FromString, tf.data.TFRecordDataset(log).as_numpy_iterator())
    return sorted({event.wall_time for event in events if event.summary.value})


def by_keras(run: str, spec: Spec) -> list[float]:
    """The same net, loss and optimizer by `fit` on arrays."""
    examples = open_examples(run)

    def arrays(split: str) -> tuple:
        batches = list(evaluation_batches(examples, split, batch_size=65_536))
        return tf.nest.map_structure(
            lambda *parts: np.concatenate([part.numpy() for part in parts]), *batches
        )

    (x, y), validation = arrays("train"), arrays("valid")
    model = compiled_model(spec, examples)
    ended: list[float] = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ended.append(time.time()))
    model.fit(
        x, y, batch_size=spec.training.batch_size, epochs=EPOCHS, validation_data=validation,
        validation_batch_size=BATCH_SIZE, callbacks=[note], verbose=0,
    )  # fmt: skip
    return ended


def main(who: str, run: str) -> None:
    spec = read_spec(run)
    spec.training.epochs, spec.training.patience = EPOCHS, 0
    ended = {"prebake": by_prebake, "keras": by_keras}[who](run, spec)
    print(json.dumps([ended[-1] - ended[0], len(ended) - 1]))


if __name__ == "__main__":
    main(*sys.argv[1:])

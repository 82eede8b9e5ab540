"""In: a run with examples: python -m benchmarks.feed RUN. Out: rows a second that reach a training, read and from memory."""

from __future__ import annotations

import sys
import time

import numpy as np
import tensorflow as tf
from prebake.schemas.spec_pb2 import CACHE_MEMORY
from prebake.training.dataset import keep_in_memory, open_examples, training_batches

_EPOCHS = 3


def main() -> None:
    stored = open_examples(sys.argv[1])
    start = time.monotonic()
    kept = keep_in_memory(stored, CACHE_MEMORY)
    print(
        f"kept {stored.rows('train'):,} + {stored.rows('valid'):,} rows in {time.monotonic() - start:.2f} s"
    )
    for batch_size in (32, 128, 1024):
        rates = []
        for examples in (stored, kept):
            batches = training_batches(
                examples, seed=3, epochs=range(_EPOCHS), batch_size=batch_size, shuffle_buffer=16384
            )
            start = time.monotonic()
            rows = batches.reduce(np.int64(0), lambda seen, batch: seen + tf.shape(batch[1], tf.int64)[0])
            rates.append(int(rows) / (time.monotonic() - start))
        print(f"batches of {batch_size}: {rates[0]:,.0f} rows/s read, {rates[1]:,.0f} from memory")


if __name__ == "__main__":
    main()

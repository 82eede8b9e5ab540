"""In: a run directory with an export. Out: how long its answers take, the model's alone, and the first one.

python -m benchmarks.serve RUN

prints one line of JSON. "Alone" is the same trained model as a SavedModel that takes transformed features.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time

_before = time.perf_counter()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from prebake.schemas.manifest import read_manifest  # noqa: E402
from prebake.training.evaluate import open_model  # noqa: E402
from prebake.training.export import find_version  # noqa: E402
from prebake.training.model import answers  # noqa: E402

_IMPORTED = time.perf_counter() - _before

BATCHES, CALLS, WARM_UP = (1, 1000), 400, 50


def raw_rows(inputs: dict[str, tf.TensorSpec], rows: int) -> dict[str, tf.Tensor]:
    """Made up as generate.py does."""
    random = np.random.default_rng(0)
    return {
        name: tf.constant([f"{name}_{number}" for number in random.integers(1, 50, rows)])
        if spec.dtype == tf.string
        else tf.cast(random.normal(size=rows), spec.dtype)
        for name, spec in inputs.items()
    }


def main(run: str) -> None:
    directory, found = find_version(run), {}
    start = time.perf_counter()
    loaded = tf.saved_model.load(directory)
    serve, features = loaded.signatures["serving_default"], loaded.signatures["features"]
    inputs = serve.structured_input_signature[1]
    raw = raw_rows(inputs, 1)
    serve(**raw)
    found["start"] = {"load to first answer": time.perf_counter() - start, "imports": _IMPORTED}
    model, _ = open_model(run, "default")
    label = read_manifest(directory, "export").label
    archive = keras.export.ExportArchive()
    archive.track(model)
    specification = {
        name: tf.TensorSpec([None, *value.shape[1:]], value.dtype, name=name)
        for name, value in features(**raw).items()
    }
    archive.add_endpoint(
        "alone", lambda rows: answers(model(rows, training=False), label), input_signature=[specification]
    )
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        kept = tf.saved_model.load(folder)
        alone = kept.signatures["alone"]
        for rows in BATCHES:
            raw = raw_rows(inputs, rows)
            transformed = features(**raw)
            times: dict[str, list[float]] = {"whole": [], "alone": []}
            for _ in range(WARM_UP + CALLS):
                for name, function, tensors in (("whole", serve, raw), ("alone", alone, transformed)):
                    start = time.perf_counter()
                    function(**tensors)
                    times[name].append(time.perf_counter() - start)
            found[str(rows)] = {
                name: 1000 * statistics.median(each[WARM_UP:]) for name, each in times.items()
            }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""In: nothing. Out: seconds of a warm-started training with its frozen layers computed in each step, and kept.

python benchmarks/frozen_outputs.py [ROWS]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

from google.protobuf import text_format

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests", "training"))

HIDDEN, FROZEN, EPOCHS = [512, 512, 512, 32], 3, 40


def main(rows: int) -> None:
    from prebake.schemas.run_dir import read_spec
    from prebake.training.train import train
    from small_run import make_run

    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        make_run(run, rows=rows)
        spec = read_spec(run)
        spec.model.hidden[:], spec.training.epochs, spec.training.batch_size = HIDDEN, 1, 128
        train(run, spec, progress=False)
        for cache in ("false", "true"):
            warm = read_spec(run)
            warm.CopyFrom(spec)
            warm.training.name, warm.training.epochs, warm.training.patience = f"cache-{cache}", EPOCHS, 0
            text_format.Merge(
                f'warm_start {{ from: "{run}" layers: {FROZEN} freeze: true cache: {cache} }}', warm.training
            )
            started = time.monotonic()
            train(run, warm, progress=False, notice=lambda text: None)
            print(
                f"cache: {cache}: {EPOCHS} epochs of {rows * 4 // 6:,} rows in {time.monotonic() - started:.1f} s"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12_000)

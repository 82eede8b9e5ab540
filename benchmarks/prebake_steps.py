"""In: a spec. Out: its run directory up to the examples, and what each step of it took.

    python -m benchmarks.prebake_steps SPEC RUN

prints, as one line of JSON, seconds of wall clock and of CPU by step.
"""

from __future__ import annotations

import json
import os
import sys

from prebake.pipelines.analyze import analyze
from prebake.pipelines.find_files import find_files
from prebake.pipelines.index import index_files
from prebake.pipelines.preprocess import load
from prebake.pipelines.transform import transform
from prebake.transforms.quiet import collect_seldom

from .measure import stopwatch


def main(spec_path: str, run_dir: str) -> None:
    collect_seldom()  # as `prebake` does
    spec = load(spec_path)
    os.makedirs(run_dir)
    with stopwatch() as index_taken:
        indexed = index_files(spec, find_files(spec), run_dir, ())
    with stopwatch() as analyze_taken:
        analyze(spec, indexed, run_dir)
    with stopwatch() as transform_taken:
        transform(spec, indexed, run_dir)
    print(json.dumps({"index": index_taken, "analyze": analyze_taken, "transform": transform_taken}))


if __name__ == "__main__":
    main(*sys.argv[1:])

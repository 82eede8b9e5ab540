"""In: names of benchmarks. Out: their tables; exit code 1 if a target is missed.

python -m benchmarks [transform] [memory] [--small] [--repeats N] [--keep-data]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile

from . import analyze_memory, transform_cost
from .report import FOLDER

BENCHMARKS = {"transform": transform_cost.main, "memory": analyze_memory.main}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What prebake costs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument(
        "--small", action="store_true", help="few rows, for a quick look; its figures are rough"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, metavar="N", help="runs of each (default: %(default)s)"
    )
    parser.add_argument("--keep-data", action="store_true", help="leave the CSV files in build/bench/data")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(BENCHMARKS)}")
    with contextlib.ExitStack() as stack:
        os.makedirs(FOLDER, exist_ok=True)
        kept = os.path.join(FOLDER, "data")
        data = (
            kept
            if args.keep_data
            else stack.enter_context(tempfile.TemporaryDirectory(prefix="data-", dir=FOLDER))
        )
        results = [
            BENCHMARKS[name](data, repeats=args.repeats, small=args.small)
            for name in args.names or BENCHMARKS
        ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

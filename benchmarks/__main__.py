"""In: names of benchmarks. Out: their tables; exit code 1 if a target is missed.

python -m benchmarks [transform] [memory] [quality] [recipes] [--small] [--repeats N] [--keep-data]

Without a name: transform and memory. quality trains models of several seeds, recipes one of each recipe.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile

from . import analyze_memory, quality, recipes, transform_cost
from .report import FOLDER

COSTS = {"transform": transform_cost.main, "memory": analyze_memory.main}
# On data of their own.
MODELS = {"quality": quality.main, "recipes": recipes.main}
NAMES = (*COSTS, *MODELS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What prebake costs.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: {' '.join(COSTS)})"
    )
    parser.add_argument(
        "--small", action="store_true", help="few rows, for a quick look; its figures are rough"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, metavar="N", help="runs of each (default: %(default)s)"
    )
    parser.add_argument("--keep-data", action="store_true", help="leave the CSV files in build/bench/data")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(NAMES)}")
    with contextlib.ExitStack() as stack:
        os.makedirs(FOLDER, exist_ok=True)
        kept = os.path.join(FOLDER, "data")
        data = (
            kept
            if args.keep_data
            else stack.enter_context(tempfile.TemporaryDirectory(prefix="data-", dir=FOLDER))
        )
        results = [
            MODELS[name]() if name in MODELS else COSTS[name](data, repeats=args.repeats, small=args.small)
            for name in args.names or COSTS
        ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

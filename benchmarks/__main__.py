"""In: names of benchmarks. Out: one table of their figures; exit code 1 if a target is missed.

python -m benchmarks [preprocess] [memory] [feed] [fit] [serving] [quality] [recipes] [--small] [--repeats N] [--keep-data]

Without a name: the first five. quality trains models of several seeds, recipes one of each recipe.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time

from . import feed_cost, fit_cost, memory, preprocess_cost, quality, recipes, serving_cost
from .report import FOLDER, Row, machine, publish

COSTS = {
    "preprocess": preprocess_cost.main,
    "memory": memory.main,
    "feed": feed_cost.main,
    "fit": fit_cost.main,
    "serving": serving_cost.main,
}
# On data of their own, with tables of their own.
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
        "--repeats", type=int, default=2, metavar="N", help="runs of most (default: %(default)s)"
    )
    parser.add_argument("--keep-data", action="store_true", help="leave files and runs in build/bench/data")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(NAMES)}")
    names = args.names or list(COSTS)
    passed = all([MODELS[name]() for name in names if name in MODELS])
    costs = [name for name in names if name in COSTS]
    if costs:
        passed &= _measure(costs, args)
    return 0 if passed else 1


def _measure(names: list[str], args: argparse.Namespace) -> bool:
    state, table = machine(), list[Row]()
    name = "-".join(names) if args.names else "all"
    with contextlib.ExitStack() as stack:
        os.makedirs(FOLDER, exist_ok=True)
        data = os.path.abspath(os.path.join(FOLDER, "data"))
        if args.keep_data:
            os.makedirs(data, exist_ok=True)
        else:
            data = stack.enter_context(tempfile.TemporaryDirectory(prefix="data-", dir=os.path.dirname(data)))
        try:
            for one in names:
                start = time.monotonic()
                table += COSTS[one](data, repeats=args.repeats, small=args.small)
                print(f"  {one}: {(time.monotonic() - start) / 60:.1f} minutes", flush=True)
        finally:
            # What was measured is told, though a benchmark behind it fails.
            publish(f"{name}-small" if args.small else name, table, state)
    return all(row.met is not False for row in table)


if __name__ == "__main__":
    sys.exit(main())

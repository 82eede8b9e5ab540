"""In: an empty folder. Out: whole commands killed at random moments, on full disks and two at once, as one line of JSON.

PYTHONPATH=tests/pipelines:tests/training python tests/faults/try_whole_runs.py FOLDER --kills 20 --seed 2 [--others]
"""

from __future__ import annotations

import argparse
import json

from full_disk import on_full_disks, with_small_files
from kill_whole_runs import kill_and_rerun
from two_at_once import two_at_once
from whole_runs import WholeRuns


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--kills", type=int, default=2, help="of each command")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--others", action="store_true", help="full disks and two at once, too")
    options = parser.parse_args()
    runs = WholeRuns(options.folder)
    kinds = runs.kinds()
    found: dict[str, object] = {"kills": kill_and_rerun(runs, kinds, options.kills, options.seed)}
    if options.others:
        found["full disks"] = on_full_disks(runs, kinds)
        found["small files"] = with_small_files(runs, kinds)
        found["two at once"] = two_at_once(runs, kinds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

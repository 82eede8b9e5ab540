"""In: a folder. Out: what was seen after kill -9 at every system call of the commit layer, and after the rerun, as JSON.

    python tests/faults/kill_every_call.py FOLDER [--sample]

All take about a minute; `--sample`: at those that change something.

A rerun ends with the bytes of an undisturbed run, and nothing temporary is left.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from situations import RERUNS, SITUATIONS, Situation, seen, tree
from traced import why_not


def kill_everywhere(situation: Situation, run: str, *, sample: bool) -> dict[str, object]:
    """Kills, and what went wrong: `partial` after the kill, `different` after the rerun; empty if all is well."""
    whole = situation.whole(run)
    calls = situation.calls(run)
    places = [place for place, call in enumerate(calls) if call.changes or not sample]
    partial, different, states = [], [], {}
    kills = 0
    for place, child in situation.stops(run, places):
        child.kill()
        kills += 1
        state = seen(run, whole)
        states[state] = states.get(state, 0) + 1
        if state not in situation.allowed:
            partial.append(f"{place} {calls[place].name}: {state}")
        situation.act(run)
        if tree(run) != whole["new"]:
            different.append(f"{place} {calls[place].name}: {sorted(tree(run))}")
    return {"calls": len(calls), "kills": kills, "states": states, "partial": partial, "different": different}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--sample", action="store_true")
    options = parser.parse_args()
    if reason := why_not():
        print(json.dumps({"skipped": reason}))
        return 0
    run = os.path.join(options.folder, "run")
    found = {
        name: kill_everywhere(situation, run, sample=options.sample)
        for name, situation in {**SITUATIONS, **RERUNS}.items()
    }
    assert "tensorflow" not in sys.modules
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

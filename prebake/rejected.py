"""In: a run directory. Out: its rejected rows for a person: grouped by column and reason, the most frequent first."""

from __future__ import annotations

import csv
import itertools
import os
from collections import defaultdict

from .schemas.manifest import read_manifest

_EXAMPLES = 3
_SHOWN = 100
_ESCAPES = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})


def rejected_rows(run_dir: str) -> str:
    """The text that `prebake rejected` prints.

    Args:
      run_dir: has `rejected/` and `examples/`.

    Raises:
      ArtifactError: the run has not been transformed, or what it wrote is damaged.
    """
    directory = os.path.join(run_dir, "rejected")
    read_manifest(directory, "rejected")
    rows = sum(entry.rows for entry in read_manifest(os.path.join(run_dir, "examples"), "examples").inputs)
    path = os.path.join(directory, "rows.csv")
    groups: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    files = set()
    # A rejected row is as long as it is: Python's reader refuses fields above its own limit.
    csv.field_size_limit(1 << 31)
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            group = row["column"], row["reason"]
            counts[group] += 1
            files.add(row["file"])
            if len(groups[group]) < _EXAMPLES:
                groups[group].append(row)
    total = sum(counts.values())
    if not total:
        return f"0 of {rows:,} rows rejected"
    some = f"{len(files):,} file{'s' * (len(files) != 1)}"
    lines = [f"{total:,} of {rows:,} rows rejected ({total / rows:.2%}), in {some}; all of them: {path}"]
    for (column, reason), count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        lines.append(f"{count:>8,}  {column + ': ' if column else ''}{_line(reason)}")
        for row in groups[column, reason]:
            shown = f"  '{_line(row['value'])}'" if row["value"] else ""
            lines.append(f"          {row['file']}:{row['row']}{shown}")
        if count > _EXAMPLES:
            lines.append(f"          ... and {count - _EXAMPLES:,} more")
    return "\n".join(lines)


def _line(text: str) -> str:
    """In one line that a terminal shows as it is; the end is left out of a long one."""
    text = "".join(
        one if one.isprintable() else f"\\x{ord(one):02x}"
        for one in itertools.islice(text.translate(_ESCAPES), _SHOWN + 1)
    )
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"

"""In: measured figures. Out: a Markdown table on the screen, and the same as build/bench/NAME.md and NAME.json."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import math
import os
import platform
import statistics
from collections.abc import Sequence

FOLDER = os.path.join("build", "bench")
HEAD = ("work", "beside", "ratio", "prebake", "the other", "unit", "target", "")
_PACKAGES = (
    *("tensorflow", "keras", "tensorflow-transform", "apache-beam", "tfx-bsl", "pyarrow", "numpy", "polars"),
)


@dataclasses.dataclass
class Row:
    """One line of the table. The ratio is of the medians.

    A figure is a time, a rate or a growth between two sizes, so that one of zero or less was made by what else the machine
    did. Such a row has no ratio, and misses its target if it has one.

    Attributes:
      work: what was done.
      beside: by whom else.
      ours: prebake's figures, one a run.
      theirs: the other's; empty: there is no other.
      unit: of both.
      digits: behind the point.
      ratio: "ours ÷ other", "other ÷ ours", or "" for none.
      at_most, at_least: what the ratio is to be; None: no target.
    """

    work: str
    beside: str
    ours: Sequence[float]
    theirs: Sequence[float]
    unit: str
    digits: int
    ratio: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_noise(self) -> bool:
        """Whether a run has measured what cannot be."""
        return not all(0 < figure < math.inf for figure in (*self.ours, *self.theirs))

    @property
    def value(self) -> float | None:
        """The ratio; None: there is none."""
        if not self.ratio or self.is_noise:
            return None
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return ours / theirs if self.ratio == "ours ÷ other" else theirs / ours

    @property
    def met(self) -> bool | None:
        """None: there is no target."""
        if self.at_most is None and self.at_least is None:
            return None
        return self.value is not None and (
            (self.at_most is None or self.value <= self.at_most)
            and (self.at_least is None or self.value >= self.at_least)
        )

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""

    def cells(self) -> list[str]:
        ratio = "" if self.value is None else f"{self.value:.3g} ({self.ratio})"
        return [
            self.work,
            self.beside,
            "noise: a run measured zero or less" if self.is_noise else ratio,
            spread(self.ours, self.digits),
            spread(self.theirs, self.digits) if self.theirs else "",
            self.unit,
            self.target,
            "" if self.met is None else verdict(self.met),
        ]


def machine() -> str:
    """Processor, load and versions: what a figure is worth nothing without."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    return (
        f"{os.cpu_count()} × {_processor()}, load {os.getloadavg()[0]:.1f} at the start; "
        f"Python {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def spread(values: Sequence[float], digits: int) -> str:
    """Median (smallest–largest), or the only one."""
    low, middle, high = (f"{f(values):,.{digits}f}" for f in (min, statistics.median, max))
    return middle if len(values) == 1 else f"{middle} ({low}–{high})"


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def table(rows: Sequence[Row]) -> str:
    """As Markdown."""
    lines = [list(HEAD), ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def publish(name: str, rows: Sequence[Row], state: str) -> None:
    """Prints the table and writes both files.

    Args:
      name: of the files.
      rows: of the table.
      state: of `machine`, before anything ran.
    """
    text = (
        f"{table(rows)}\n\nMedian (min–max) of the runs. {state}; load {os.getloadavg()[0]:.1f} at the end."
    )
    print(f"\n{text}\n", flush=True)
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, f"{name}.md"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    figures = [
        dataclasses.asdict(row)
        | {"value": row.value, "noise": row.is_noise, "target": row.target, "met": row.met}
        for row in rows
    ]
    with open(os.path.join(FOLDER, f"{name}.json"), "w", encoding="utf-8") as file:
        json.dump({"machine": state, "rows": figures}, file, indent=1, ensure_ascii=False)

"""In: measured figures. Out: a Markdown table on the screen, and the same as build/bench/NAME.md and NAME.json."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
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
    def value(self) -> float | None:
        if not self.ratio:
            return None
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        above, below = (ours, theirs) if self.ratio == "ours ÷ other" else (theirs, ours)
        return above / below if below else float("inf")

    @property
    def met(self) -> bool | None:
        """None: there is no target."""
        if self.value is None or (self.at_most is None and self.at_least is None):
            return None
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""

    def cells(self) -> list[str]:
        return [
            self.work,
            self.beside,
            "" if self.value is None else f"{self.value:.3g} ({self.ratio})",
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
        dataclasses.asdict(row) | {"value": row.value, "target": row.target, "met": row.met} for row in rows
    ]
    with open(os.path.join(FOLDER, f"{name}.json"), "w", encoding="utf-8") as file:
        json.dump({"machine": state, "rows": figures}, file, indent=1, ensure_ascii=False)

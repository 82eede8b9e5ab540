"""In: measured figures. Out: a Markdown table on the screen, and the same as build/bench/NAME.md and NAME.json."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Sequence
from typing import Any

FOLDER = os.path.join("build", "bench")
_PACKAGES = ("tensorflow", "tensorflow-transform", "apache-beam", "tfx-bsl", "pyarrow", "numpy")


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
    """Median (smallest–largest)."""
    low, middle, high = (f"{f(values):,.{digits}f}" for f in (min, statistics.median, max))
    return f"{middle} ({low}–{high})"


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def publish(name: str, text: str, figures: dict[str, Any]) -> None:
    """Prints the text and writes both files."""
    print(f"\n{text}\n", flush=True)
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, f"{name}.md"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    with open(os.path.join(FOLDER, f"{name}.json"), "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1)

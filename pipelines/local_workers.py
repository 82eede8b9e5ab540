"""In: how large the input is. Out: how many processes of this machine work on it: one, or as many as make it faster.

One process uses more than one core: a thread reads ahead, and TensorFlow and Arrow have theirs. More processes divide all
of the work, but each imports TensorFlow and Beam for every pipeline before it begins. Figures: docs/performance.md.
"""

from __future__ import annotations

import os

# Seconds that the processes of a pipeline take to start, and seconds by MB of CSV that one process takes alone, or all of
# them together by core: the mean of analyze and transform, on the machine that docs/performance.md names.
_START = 10.0
_ALONE, _SHARED = 0.026, 0.032
# A process beyond this many bytes of free memory would not fit.
_MEMORY_EACH = 1280 << 20


def worker_processes(size: int, ranges: int, cores: int | None = None, memory: int | None = None) -> int:
    """How many processes to use; 1: this one alone.

    Args:
      size: bytes of CSV that the pipeline reads.
      ranges: parts that it is cut into, of which a process works on one at a time.
      cores: that this process may use; None: as the system says.
      memory: bytes that are free; None: as the system says.
    """
    cores = _cores() if cores is None else cores
    memory = _free_memory() if memory is None else memory
    count = min(cores, ranges, memory // _MEMORY_EACH)
    if count < 2:
        return 1
    megabytes = size / 1e6
    return count if _START + megabytes * _SHARED / count < megabytes * _ALONE else 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _free_memory() -> int:
    """What can be had without moving anything to the disk; as good as nothing where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return 0

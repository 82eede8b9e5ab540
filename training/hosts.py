"""In: the hosts of a training as a cluster names them, and which of them this is. Out: TF_CONFIG.

Slurm names hosts as `node[01-03,07]`, and the pods of an indexed Kubernetes job can be named in the same way. Each says in a
variable of its own which of them a process is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from ..schemas.errors import PrebakeError

# Of a Kubernetes job with completionMode: Indexed; of a Slurm step with one task on each host.
INDEX_VARIABLES = ("JOB_COMPLETION_INDEX", "SLURM_PROCID")
_NAME = re.compile(r"[\w.:-]*(\[[\d,-]+\][\w.:-]*)*")
_MOST = 100_000


def expand_hosts(text: str) -> list[str]:
    """Names of hosts, in order: "a[1-2,9].train,b:71" → a1.train, a2.train, a9.train, b:71.

    Raises:
      PrebakeError: it is not of this form.
    """
    names = [name for name in re.split(r"[\s,]+(?![\d,-]*\])", text.strip()) if name]
    for name in names:
        if not _NAME.fullmatch(name):
            raise PrebakeError(f"--hosts {text}: '{name}' is no host: write them as host1,host2 or host[1-2]")
    return [host for name in names for host in _expand(name, text)]


def _expand(name: str, text: str) -> Iterator[str]:
    before, bracket, after = name.partition("[")
    if not bracket:
        yield name
        return
    numbers, _, after = after.partition("]")
    for part in numbers.split(","):
        first, _, last = part.partition("-")
        last = last or first
        if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) < int(first) + _MOST):
            raise PrebakeError(
                f"--hosts {text}: '{part}' is no range: write the lower number first, as in host[1-2]"
            )
        for number in range(int(first), int(last) + 1):
            # As many digits as were written: node01.
            yield from _expand(f"{before}{number:0{len(first)}d}{after}", text)


def host_index(environment: Mapping[str, str]) -> int:
    """Which of the hosts this is, from 0, as Kubernetes or Slurm say it.

    Raises:
      PrebakeError: neither does.
    """
    for name in INDEX_VARIABLES:
        if value := environment.get(name):
            if value.isdecimal():
                return int(value)
            raise PrebakeError(f"{name}={value} is no number: give --index")
    raise PrebakeError(
        f"which of --hosts this is, neither {' nor '.join(INDEX_VARIABLES)} says: give --index"
    )


def tf_config(hosts: Sequence[str], index: int, port: int) -> str:
    """The value of TF_CONFIG for one of the hosts; the first one is the chief.

    Args:
      hosts: all of them, in the same order everywhere; one may have a port of its own, as "host:71".
      index: which of them this is, from 0.
      port: that a host without one listens on.

    Raises:
      PrebakeError: there is no host of that number, or two are the same.
    """
    addresses = [host if ":" in host else f"{host}:{port}" for host in hosts]
    if not 0 <= index < len(addresses):
        raise PrebakeError(f"there is no host {index}: --hosts names {len(addresses)}, and they count from 0")
    twice = [address for place, address in enumerate(addresses) if address in addresses[:place]]
    if twice:
        raise PrebakeError(f"--hosts names {twice[0]} twice: each worker needs an address of its own")
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})

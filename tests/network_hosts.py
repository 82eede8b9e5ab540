"""In: nothing. Out: hosts with addresses of their own: network namespaces of this machine, joined by a bridge in another.

They see each other and nothing else. Needs Linux, root and `ip` (Debian: iproute2).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Host:
    """One of them.

    Attributes:
      address: of the host, which the others reach it at.
      enter: what stands before a command that is to run there.
    """

    address: str
    enter: tuple[str, ...]


def why_not() -> str:
    """Why this machine cannot have them; "" if it can."""
    if shutil.which("ip") is None:
        return "'ip' is missing"
    name = f"prebake-{os.getpid()}-try"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if done.returncode:
        return f"no network namespaces: {done.stderr.strip()}"
    _ip("netns", "del", name)
    return ""


@contextlib.contextmanager
def network_hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts; they are gone when the block ends, and so should their processes be."""
    switch = f"prebake-{os.getpid()}-switch"
    names = [f"prebake-{os.getpid()}-{number}" for number in range(count)]
    # Of RFC 2544: for networks between test hosts.
    addresses = [f"198.18.0.{number + 1}" for number in range(count)]
    with contextlib.ExitStack() as made:
        for name in (switch, *names):
            _ip("netns", "add", name)
            made.callback(_ip, "netns", "del", name)
            _ip("-n", name, "link", "set", "lo", "up")
            # A connection to a host that has gone without a word is given up after seconds, not a quarter of an hour.
            _ip("netns", "exec", name, "sh", "-c", "echo 5 > /proc/sys/net/ipv4/tcp_retries2")
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for number, (name, address) in enumerate(zip(names, addresses, strict=True)):
            port = f"port{number}"
            _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("-n", switch, "link", "set", port, "master", "bridge", "up")
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
        yield [
            Host(address, ("ip", "netns", "exec", name))
            for name, address in zip(names, addresses, strict=True)
        ]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)

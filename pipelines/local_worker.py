"""In: environment variables that Beam's local runner sets. Out: one of its worker processes, quiet and counted elsewhere."""

from __future__ import annotations

import os
import sys

from ..transforms.quiet import collect_seldom
from . import progress


def main() -> None:
    """Works until the runner hangs up."""
    # Faults go to the runner. What else there is to say is about a connection that has ended, when the runner has.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    collect_seldom()
    shared = os.environ.get(progress.SHARED)
    if shared:
        progress.share_counts(shared)
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()

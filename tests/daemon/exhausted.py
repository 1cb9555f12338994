"""A daemon whose host has nothing left: no thread on SIGUSR1, no descriptor on SIGUSR2.

SIGRTMIN gives the descriptors back. It is `xenwatch run`, as root: only for another user
the kernel counts threads.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import Final

from xenwatch.cli.main import main

USER: Final = 54321
"""A user who runs nothing else."""


def no_threads(*_: object) -> None:
    """Become that user, who may have as many tasks as there are."""
    now = len(os.listdir("/proc/self/task"))
    resource.setrlimit(resource.RLIMIT_NPROC, (now, now))
    os.setresuid(USER, USER, USER)


def no_descriptors(*_: object) -> None:
    """Have no descriptor but those that there are, and the holes among them."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    now = max(map(int, os.listdir("/proc/self/fd"))) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (now, hard))


def descriptors_again(*_: object) -> None:
    """Have as many as at first."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, no_threads)
    signal.signal(signal.SIGUSR2, no_descriptors)
    signal.signal(signal.SIGRTMIN, descriptors_again)
    sys.exit(main(["run", *sys.argv[1:]]))

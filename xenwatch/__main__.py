"""`xenwatch` and `python -m xenwatch`."""

import gc
import os
import signal
import sys
from collections.abc import Callable


def main() -> int:
    """Run the command line. Returns the exit status."""
    interrupt = signal.getsignal(signal.SIGINT)
    if interrupt is signal.default_int_handler:  # else it is ignored, as in a script's background
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what is imported has nothing to clean up
    is_daemon = sys.argv[1:2] == ["run"]
    # A reload that comes too early waits: SIGHUP ends what does not handle it yet.
    if is_daemon:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    gc.disable()  # it would look 150 times through what is imported, a tenth of the start
    command = _imported()
    if not is_daemon:  # which imports more; see `xenwatch.daemon.interpreter`
        gc.freeze()
        gc.enable()
    signal.signal(signal.SIGINT, interrupt)
    try:
        status = command()
    finally:
        _forget_unsaid()
    if is_daemon:
        # All is saved and closed; with Python's own clean-up it would take three times as long.
        os._exit(status)
    return status


def _forget_unsaid() -> None:
    """Drop messages that stderr did not take."""
    from xenwatch.display.streams import drop_unsent  # noqa: PLC0415 - as the commands

    if sys.stderr is not None:
        drop_unsent(sys.stderr)


def _imported() -> Callable[[], int]:
    """What runs the command line, which takes up to a second to import."""
    # What runs as root and answers a front has none of what the other commands import.
    if sys.argv[1:2] == ["reader"]:
        from xenwatch.cli import reader  # noqa: PLC0415

        return lambda: reader.main(sys.argv[1:])
    from xenwatch.cli.main import main as every_command  # noqa: PLC0415

    return every_command


if __name__ == "__main__":
    sys.exit(main())

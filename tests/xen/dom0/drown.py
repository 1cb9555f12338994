"""Drown dom0 for some minutes, and ask xenwatch for its metrics meanwhile; the findings as JSON.

Arguments: minutes, dom0's cap in percent of a CPU, number of busy processes, file for the findings.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request

URL = "http://127.0.0.1:10730/metrics"
PATIENCE = 300.0
PAUSE = 20.0


def cap(percent: str) -> None:
    """Let dom0 have this much of a CPU; 0 is as much as there is."""
    subprocess.run(["xl", "sched-credit2", "-d", "0", "-c", percent], check=True)


def ask() -> float:
    """Seconds until the whole page was there; -1 without an answer."""
    started = time.monotonic()
    try:
        with urllib.request.urlopen(URL, timeout=PATIENCE) as answer:
            answer.read()
    except OSError:
        return -1.0
    return time.monotonic() - started


def main(minutes: float, percent: str, count: int, file: str) -> None:
    """Leave dom0 as it was, whatever happens."""
    os.nice(-10)  # who asks is not what is measured
    busy: list[subprocess.Popen[bytes]] = []
    answers = []
    until = time.monotonic() + 60 * minutes
    try:
        cap(percent)
        argv = ["nice", "-n", "10", "sh", "-c", "while :; do :; done"]
        busy.extend(subprocess.Popen(argv) for _ in range(count))
        while time.monotonic() < until:
            answers.append(ask())
            time.sleep(PAUSE)
    finally:
        for process in busy:
            process.kill()
        for process in busy:
            process.wait()
        cap("0")
    with open(file + ".new", "w", encoding="ascii") as out:
        json.dump(answers, out)
    os.rename(file + ".new", file)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])

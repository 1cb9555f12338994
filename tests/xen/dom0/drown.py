"""Drown dom0 for some minutes, and ask exporters for their metrics meanwhile; the findings as JSON.

Arguments: minutes, dom0's cap in percent of a CPU, number of busy processes, file for the findings,
the exporters' ports. Each is asked independently of the others.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 300.0
PAUSE = 20.0


def cap(percent: str) -> None:
    """Let dom0 have this much of a CPU; 0 is as much as there is."""
    subprocess.run(["xl", "sched-credit2", "-d", "0", "-c", percent], check=True)


def ask(port: str) -> float:
    """Seconds until the whole page was there; -1 without an answer."""
    url = f"http://127.0.0.1:{port}/metrics"
    started = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            answer.read()
    except OSError:
        return -1.0
    return time.monotonic() - started


def answers(port: str, until: float) -> list[float]:
    """How long each answer took, one after another until then."""
    found = []
    while time.monotonic() < until:
        found.append(ask(port))
        time.sleep(PAUSE)
    return found


def main(minutes: float, percent: str, count: int, file: str, *ports: str) -> None:
    """Leave dom0 as it was, whatever happens."""
    os.nice(-10)  # who asks is not what is measured
    busy: list[subprocess.Popen[bytes]] = []
    until = time.monotonic() + 60 * minutes
    try:
        cap(percent)
        argv = ["nice", "-n", "10", "sh", "-c", "while :; do :; done"]
        busy.extend(subprocess.Popen(argv) for _ in range(count))
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda port: answers(port, until), ports))
    finally:
        for process in busy:
            process.kill()
        for process in busy:
            process.wait()
        cap("0")
    with open(file + ".new", "w", encoding="ascii") as out:
        json.dump(found, out)
    os.rename(file + ".new", file)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:])

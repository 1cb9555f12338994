"""What the tests need beside Python: Debian's packages, npm's, and what the kernel can give.

`make test` with CI=true or SETUP=1 runs this file by itself, before there is an environment, to
install the packages. Otherwise the tests that lack something are skipped and named at the end.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

POLICY: Final = Path("/usr/sbin/policy-rc.d")
"""What invoke-rc.d(8) asks whether a package's service may start; 101 forbids it."""
SEARCH: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
"""Where programs are looked for: sysctl is in /usr/sbin, which only root has on PATH."""
NODE: Final = Path(__file__).resolve().parent.parent / "build/grafana"
"""Where `make` lets npm install what draws the dashboards."""
IN_CI: Final = os.environ.get("CI") == "true"
"""Whether a test that lacks something fails. Elsewhere it is skipped."""


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package, those of its programs that are called, and the tests that call them.

    `service` is the unit it installs and enables, "" if none.
    """

    name: str
    programs: tuple[str, ...]
    tests: str
    service: str = ""

    def missing(self) -> bool:
        """Whether one of the programs is not installed."""
        return any(shutil.which(program, path=SEARCH) is None for program in self.programs)


PACKAGES: Final = (
    Package("shellcheck", ("shellcheck",), "shell scripts"),
    Package("binutils", ("readelf",), "binaries of the packages"),
    Package(
        *("prometheus", ("prometheus", "promtool"), "metrics, rules and dashboards in Prometheus"),
        service="prometheus",
    ),
    Package(
        *("prometheus-alertmanager", ("amtool", "prometheus-alertmanager")),
        *("alerts in Alertmanager", "prometheus-alertmanager"),
    ),
    Package(
        *(
            "victoria-metrics",
            ("victoria-metrics", "vmalert"),
            "rules and alerts in VictoriaMetrics",
        ),
        service="victoria-metrics",
    ),
    Package(
        *("openvswitch-switch", ("ovs-vsctl", "ovsdb-client", "ovsdb-server", "ovsdb-tool")),
        *("ports of Open vSwitch", "openvswitch-switch"),
    ),
    Package("systemd", ("systemd-analyze",), "exposure of the units"),
    Package("chromium", ("chromium",), "status page in a browser"),
    Package("chromium-driver", ("chromedriver",), "status page in a browser"),
    Package("tmux", ("tmux",), "xenwatch top in a terminal"),
    Package("openssl", ("openssl",), "TLS"),
    Package("curl", ("curl",), "TLS"),
    Package("nodejs", ("node",), "dashboards as Grafana draws them"),
    Package("npm", ("npm",), "dashboards as Grafana draws them"),
    Package(
        *("prometheus-process-exporter", ("prometheus-process-exporter",)),
        *("CPU time of reading a process", "prometheus-process-exporter"),
    ),
    Package(
        *("prometheus-node-exporter", ("prometheus-node-exporter",)),
        *("the textfile in node_exporter", "prometheus-node-exporter"),
    ),
    Package("snmp", ("snmptranslate", "snmptrap"), "alerts as SNMP traps"),
    Package("snmpd", ("snmpd",), "alerts as SNMP traps", "snmpd"),
    Package("snmptrapd", ("snmptrapd",), "alerts as SNMP traps", "snmptrapd.socket"),
)
BY_PROGRAM: Final = {program: package for package in PACKAGES for program in package.programs}


def first_pid_namespace() -> None:
    """Raise `LookupError` in a container (PROC_PID_INIT_INO, include/linux/proc_ns.h)."""
    if os.stat("/proc/self/ns/pid").st_ino != 0xEFFFFFFC:
        raise LookupError("another PID namespace than the kernel's first")


def ipv6_loopback() -> None:
    """Raise `OSError` where nothing can listen on ::1."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6):
        pass


def cpu_cgroup() -> None:
    """Raise `OSError` or `LookupError` where no group for CPU time can be made."""
    from tests.contention import hierarchy, slices

    with slices(hierarchy()):
        pass


def other_cgroups() -> None:
    """Raise `OSError` or `LookupError` where no group for memory, tasks or CPU time can be made."""
    from tests.cgroups import controller

    for name in ("memory", "pids", "cpu"):
        with controller(name).group():
            pass


def small_file_system() -> None:
    """Raise `OSError` where none can be mounted."""
    from tests.benchmarks.beside import disk

    try:
        with disk():
            pass
    except subprocess.CalledProcessError as error:
        raise OSError(f"mount: exit status {error.returncode}") from None


def root() -> None:
    """Raise `LookupError` for whoever cannot become another user."""
    if os.geteuid() != 0:
        raise LookupError("only root can become another user")


def taskstats() -> None:
    """Raise `LookupError` where the kernel does not tell the counters of its processes."""
    from xenwatch.probes.counters import read_counters
    from xenwatch.sources.host import HostSource

    with contextlib.closing(HostSource()) as source:
        if os.getpid() not in read_counters(source, (os.getpid(),)):
            raise LookupError("the kernel does not answer")


def node_packages() -> None:
    """Raise `LookupError` where npm has not installed what the lockfile names."""
    wanted = Path(__file__).resolve().parent / "grafana/package-lock.json"
    done = NODE / "package-lock.json"
    if not (NODE / ".installed").exists() or done.read_bytes() != wanted.read_bytes():
        raise LookupError("not installed")


@dataclass(frozen=True, slots=True)
class Feature:
    """What no package of Debian gives, the tests that need it, how to get it.

    `probe` raises `OSError` or `LookupError` where it is missing.
    """

    tests: str
    get: str
    probe: Callable[[], None]


FEATURES: Final[Mapping[str, Feature]] = {
    "Grafana's components": Feature(
        "dashboards as Grafana draws them",
        "make build/grafana/.installed, which asks npm's registry",
        node_packages,
    ),
    "CPU cgroup": Feature(
        "CPU shares as the kernel gives them",
        "run as root where /sys/fs/cgroup is writable and has the CPU controller",
        cpu_cgroup,
    ),
    "cgroups for memory and tasks": Feature(
        "the daemon on a host that has not enough of something",
        "run as root where /sys/fs/cgroup is writable and has the controllers memory and pids",
        other_cgroups,
    ),
    "mounted file system": Feature(
        "the daemon on a host that has not enough of something",
        "run as root where file systems may be mounted",
        small_file_system,
    ),
    "process events": Feature(
        "processes as the kernel reports them",
        "run outside of containers: the kernel reports to its first PID namespace alone",
        first_pid_namespace,
    ),
    "root": Feature("files as other users see them", "run as root", root),
    "taskstats": Feature(
        "counters of processes as the kernel keeps them",
        "run as root, outside of containers, with CONFIG_TASKSTATS and CONFIG_TASK_DELAY_ACCT",
        taskstats,
    ),
    "IPv6 loopback": Feature(
        "listening on IPv6",
        "sysctl net.ipv6.conf.lo.disable_ipv6=0",
        ipv6_loopback,
    ),
}


def unable(tests: str, reason: str) -> NoReturn:
    """Skip the running test, or fail it in CI. `tests` names its group."""
    import pytest

    text = f"{tests}: {reason}"
    if IN_CI:
        pytest.fail(text)
    pytest.skip(text)


def tool(program: str) -> str:
    """Path of a program of the table. Without it the test is skipped, or fails in CI."""
    path = shutil.which(program, path=SEARCH)
    if path is None:
        tests = BY_PROGRAM[program].tests
        names = [
            package.name for package in PACKAGES if package.tests == tests and package.missing()
        ]
        unable(tests, f"apt-get install {' '.join(names)}")
    return path


def need(name: str) -> None:
    """Skip the running test, or fail it in CI, where the machine lacks that feature."""
    feature = FEATURES[name]
    try:
        feature.probe()
    except (OSError, LookupError) as error:
        unable(feature.tests, f"no {name} ({error}); {feature.get}")


def missing() -> list[str]:
    """The Debian packages to install, with what `make` needs for an environment."""
    # Debian keeps ensurepip in the package that python3-venv depends on.
    first = [] if importlib.util.find_spec("ensurepip") else ["python3-venv"]
    return first + [package.name for package in PACKAGES if package.missing()]


@contextlib.contextmanager
def no_service_starts(policy: Path) -> Iterator[None]:
    """Forbid the start of services during the block, by `policy` unless there is one already."""
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def install(names: list[str], policy: Path) -> None:
    """Install packages with apt, no service of which starts, neither now nor at the next boot.

    Raises `subprocess.CalledProcessError`.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with no_service_starts(policy):
        for argv in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *names]):
            subprocess.run(
                ["apt-get", *argv], check=True, stdin=subprocess.DEVNULL, env=environment
            )
    services = [
        package.service for package in PACKAGES if package.name in names and package.service
    ]
    if services and shutil.which("systemctl"):
        subprocess.run(["systemctl", "--quiet", "disable", *services], check=True)


def main(policy: Path = POLICY) -> int:
    """Install what is missing, and say so first. Returns the exit status."""
    names = missing()
    if not names:
        return 0
    wanted = " ".join(names)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"setup: missing; as root on Debian: apt-get install {wanted}", file=sys.stderr)
        return 1
    print(f"setup: installing with apt, starting no service: {wanted}", flush=True)
    try:
        install(names, policy)
    except subprocess.CalledProcessError as error:
        print(f"setup: {' '.join(error.cmd)}: exit status {error.returncode}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Programs that show or set what dom0's kernel has: processes, memory, settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tests.runbooks.host import Host, Options, Program, Task, fail, prints, refuse

_LIMITS: Final = re.compile(
    r"fs\.(?:aio-max-nr|file-max|nr_open)|kernel\.(?:pty\.max|pid_max|threads-max)"
    r"|kernel\.keys\.\w+|net\.ipv[46]\.neigh\.default\.gc_thresh\d|net\.netfilter\.nf_conntrack_max"
)
"""Settings of which more can be used the higher they are."""
_SELECT_MAX: Final = 1024
"""FD_SETSIZE: select(2) watches descriptors below it alone."""
_LONG_MAX: Final = (1 << 63) - 1
_FIELDS: Final[dict[str, Callable[[Task], str]]] = {
    "pid": lambda task: str(task.pid),
    "ppid": lambda task: "1",
    "comm": lambda task: task.comm,
    "args": lambda task: " ".join(task.argv) or f"[{task.comm}]",
    "cmd": lambda task: " ".join(task.argv) or f"[{task.comm}]",
    "rss": lambda task: str(task.rss_kib),
    "vsz": lambda task: str(2 * task.rss_kib),
    "nlwp": lambda task: str(task.threads),
    "stat": lambda task: "S",
    "state": lambda task: "S",
    "s": lambda task: "S",
    "wchan": lambda task: "poll_schedule_timeout",
    "etime": lambda task: "01:00",
    "time": lambda task: "00:00:01",
    "pcpu": lambda task: "0.1",
    "%cpu": lambda task: "0.1",
    "pmem": lambda task: "0.1",
    "user": lambda task: "root",
    "ni": lambda task: "0",
    "tid": lambda task: str(task.pid),
    "lwp": lambda task: str(task.pid),
    "psr": lambda task: "0",
    "cgroup": lambda task: "/",
    "lstart": lambda task: "Sat Jan  1 00:00:00 2026",
}


def _ps(host: Host, options: Options, operands: list[str]) -> str:
    """Of procps: with -o the columns; `=` behind the last leaves out the heading."""
    if operands and not set(operands) <= {"ax", "aux", "axu", "faux", "auxf", "axf"}:
        refuse(f"unknown operand: {operands}")
    text = ",".join(value for key, value in options.items() if key in {"-o", "--format"})
    columns = [column for column in re.split(r"[, ]", text or "pid,time,comm") if column]
    names = [column.partition("=")[0].partition(":")[0] for column in columns]
    for name in names:
        if name not in _FIELDS:
            refuse(f'unknown user-defined format specifier "{name}"')
    wanted = options.get("-p") or options.get("--pid")
    tasks: list[Task] = list(host.tasks)
    if wanted is not None:
        tasks = [host.task(number) for number in re.split(r"[, ]", wanted)]
    if "-C" in options:
        tasks = [task for task in tasks if task.comm in options["-C"].split(",")]
        if not tasks:
            fail(f"no process of that name: {options['-C']}")
    heading = "" if "=" in text else " ".join(name.upper() for name in names) + "\n"
    return heading + "".join(
        " ".join(_FIELDS[name](task) for name in names) + "\n" for task in tasks
    )


def _pidof(host: Host, options: Options, operands: list[str]) -> str:
    """By the name of the program, or argv[0]; none is status 1."""
    pids = [
        str(task.pid)
        for task in host.tasks
        if task.argv and not {task.argv[0], task.argv[0].rpartition("/")[2]}.isdisjoint(operands)
    ]
    return " ".join(pids[:1] if "-s" in options else pids) + "\n" if pids else fail("none")


def _pgrep(host: Host, options: Options, operands: list[str]) -> str:
    """By a pattern of the name, which the kernel cuts at 15 characters; -f of the whole line."""
    if len(operands) != 1:
        refuse("one pattern can be provided", 2)
    if "-f" not in options and len(operands[0].strip("^$")) > 15:
        refuse("pattern that searches for process name longer than 15 characters")
    match = re.fullmatch if "-x" in options else re.search
    found = [
        task
        for task in host.tasks
        if match(operands[0], " ".join(task.argv) if "-f" in options else task.comm)
    ]
    if not found:
        fail("no process matches")
    shown = found[:1] if "-o" in options else found[-1:] if "-n" in options else found
    named = "-l" in options or "-a" in options
    return "".join(f"{task.pid} {task.comm}\n" if named else f"{task.pid}\n" for task in shown)


def _pkill(host: Host, options: Options, operands: list[str]) -> str:
    """A signal that ends nothing, to processes by a name that is there."""
    if len(operands) != 2 or operands[0] not in {"-CONT", "-USR1", "-HUP"}:
        refuse(f"a signal that may end it, or no name: {operands}")
    _pgrep(host, {}, operands[1:])
    return ""


def _prlimit(host: Host, options: Options, operands: list[str]) -> str:
    """Reads, or raises: a lower limit than there is, or one of no use, is rejected.

    `--nofile` has a value only behind `=`, which getopt(3) of Python cannot tell.
    """
    words = iter(operands)
    pid = asked = ""
    shown = False
    for word in words:
        if word in {"--pid", "-p"}:
            pid = next(words, "")
        elif word in {"--output", "-o"}:
            shown = next(words, "") != ""
        elif word.startswith("--nofile="):
            asked = word.partition("=")[2]
        elif word not in {"--nofile", "-n", "--noheadings", "--raw"}:
            refuse(f"unknown option: {word}")
    task = host.task(pid)
    soft, hard = task.nofile
    if not asked:
        return f"{soft}\n" if shown else f"NOFILE {soft} {hard} files\n"
    first, colon, last = asked.partition(":")
    wanted = [int(number) for number in (first, last if colon else first) if number]
    if min(wanted) < soft:
        refuse(f"lowers the limit of {task.comm}: {asked}, it is {soft}:{hard}")
    if task.selects and max(wanted) > _SELECT_MAX:
        refuse(f"no use: {task.comm} waits with select(2)")
    return ""


def _sysctl(host: Host, options: Options, operands: list[str]) -> str:
    """Reads keys, or sets them, where a limit may only rise."""
    lines = []
    if not operands:
        refuse("no variables specified")
    for operand in operands:
        name, sign, value = operand.partition("=")
        path = host.path("/proc/sys/" + name.replace(".", "/"))
        if not path.exists():
            refuse(
                f"cannot stat /proc/sys/{name.replace('.', '/')}: No such file or directory", 255
            )
        present = path.read_text().strip() if path.is_file() else ""
        if sign:
            if "-w" not in options and "--write" not in options:
                refuse("sets a value without -w")
            if _LIMITS.fullmatch(name) and int(value) < int(present):
                refuse(f"lowers {name}: {value}, it is {present}")
            if value.isdecimal() and int(value) > _LONG_MAX:
                refuse(f'setting key "{name}": Invalid argument', 255)
            present = value
        elif "-w" in options:
            refuse(f'"{operand}" must be of the form name=value', 255)
        lines.append(present if "-n" in options else f"{name} = {present}")
    return "\n".join(lines) + "\n"


def _dmesg(host: Host, options: Options, operands: list[str]) -> str:
    if "-c" in options or "-C" in options:
        refuse("clears the kernel's log")
    return host.texts["dmesg"]


def _modprobe(host: Host, options: Options, operands: list[str]) -> str:
    """Loads a module, with parameters, or removes it."""
    if not operands or ("-r" in options and len(operands) > 1):
        refuse("module name is missing, or parameters where it is removed")
    for parameter in operands[1:]:
        if "--all" not in options and "-a" not in options and "=" not in parameter:
            refuse(f"no parameter: {parameter}")
    return ""


_VMSTAT: Final = "r b swpd free buff cache si so bi bo in cs us sy id wa st\n" + "0 " * 17 + "\n"
PROGRAMS: Final = {
    "ps": Program(_ps, "eAfLlTHxauo:C:p:w", "format= sort= no-headers pid= forest"),
    "pidof": Program(_pidof, "sx"),
    "pgrep": Program(_pgrep, "foxnla"),
    "pkill": Program(_pkill),
    "prlimit": Program(_prlimit),
    "sysctl": Program(_sysctl, "nwae", "write values"),
    "free": prints("total used free\nMem: 8000 1000 6000\n", "mkghb"),
    "vmstat": prints(_VMSTAT, "sanw"),
    "top": prints("top - 00:00:00 up 1 day\n", "bn:d:p:o:Hc"),
    "slabtop": prints(" Active / Total Objects\n", "os:", "once sort="),
    "uptime": prints(" 00:00:00 up 1 day, load average: 0.42, 0.35, 0.31\n", ""),
    "uname": prints("Linux\n", "asrvm"),
    "dmesg": Program(_dmesg, "TxHl:cCn:r", "level= ctime"),
    "lsmod": prints("Module Size Used by\n", ""),
    "modinfo": prints("parm: max_queues\n", "p", "parameters"),
    "modprobe": Program(_modprobe, "ra", "all remove"),
    "renice": prints("", "n:p:"),
    "ipcs": prints("", "a"),
    "lscpu": prints("CPU(s): 8\n", ""),
    "mpstat": prints("all\n", "P:"),
    "hostname": prints("xen1\n", "fsi"),
}

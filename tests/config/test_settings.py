"""The configuration: what is refused, with which words, and what the defaults are."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xenwatch.config.common_keys import SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.config.file import parse
from xenwatch.config.key import Key
from xenwatch.config.keys import KEYS
from xenwatch.config.settings import Settings, load_settings
from xenwatch.config.web_keys import LISTEN, MAX_REQUESTS
from xenwatch.limits import LIMITS
from xenwatch.planning.shapes import BUILT_IN, Shape
from xenwatch.probes import PROBES

LIMIT, PROBE = LIMITS[0].name, PROBES[0].name


def settings(tmp_path: Path, text: str) -> Settings:
    """Settings of a file with that text."""
    path = tmp_path / "xenwatch.toml"
    path.write_text(text)
    return load_settings(str(path), {})


def refusal(tmp_path: Path, text: str) -> str:
    """What a file with that text is refused with, less the directory."""
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, text)
    return str(caught.value).replace(f"{tmp_path}/", "")


REFUSED = {
    "unknown key": ("[web]\nlisten_adresses = []", "2: web.listen_adresses: unknown key; did you"),
    "unknown section": ("[wbe]\nmax_requests = 1", "1: wbe: unknown section; did you mean web?"),
    "no such section": (
        "[zzzz]\na = 1",
        "must be one of: alertmanager, alerts, command, labels, limits, log",
    ),
    "unknown probe": ("[probes.hosst]\nenabled = true", "did you mean host?"),
    "unknown limit": ("[limits.zzzzzzz]\nwarning = 1", "limits.zzzzzzz: unknown section"),
    "key of a probe": (f"[probes.{PROBE}]\nintervall = 1", "did you mean interval?"),
    "key at the top": ("max_requests = 5", "1: max_requests: unknown key"),
    "section as key": ("web = 5", "1: web: must be a section: write [web]"),
    "key as section": ("[web.max_requests]\na = 1", "must be an integer"),
    "dotted name": ('"web.max_requests" = 5', "unknown key"),
    "bool for int": ("[web]\nmax_requests = true", "2: web.max_requests: true must be an integer"),
    "float for int": ("[web]\nmax_requests = 1.5", "1.5 must be an integer"),
    "int for bool": ("[web]\nsystemd_socket = 1", "1 must be true or false"),
    "string for number": (f'[probes.{PROBE}]\ninterval = "1"', "'1' must be a number"),
    "bool for number": (f"[probes.{PROBE}]\ninterval = true", "true must be a number"),
    "zero interval": (f"[probes.{PROBE}]\ninterval = 0", "0 must be between 0.1 and 86400 seconds"),
    "no share": (f"[probes.{PROBE}]\nshare = 0", "0 must be a ratio: more than 0 and at most 1"),
    "negative deadline": (f"[probes.{PROBE}]\ndeadline = -1", "-1 must be between 0.1"),
    "endless interval": (f"[probes.{PROBE}]\ninterval = inf", "inf must be between"),
    "no number": (f"[probes.{PROBE}]\ninterval = nan", "nan must be between"),
    "zero ratio": (
        f"[limits.{LIMIT}]\nwarning = 0",
        "0 must be a ratio: more than 0 and at most 1",
    ),
    "percent": (f"[limits.{LIMIT}]\ncritical = 90", "90 must be a ratio"),
    "bool for ratio": (f"[limits.{LIMIT}]\ncritical = true", "true must be a number"),
    "warning too high": (
        f"[limits.{LIMIT}]\nwarning = 0.9\ncritical = 0.5",
        f"2: limits.{LIMIT}.warning: warning 0.9 is above critical 0.5; set warning at or below",
    ),
    "alert where lower is worse": (
        "[alerts.control_path_starved]\nwarning = 0.1\ncritical = 0.3",
        "2: alerts.control_path_starved.warning: warning 0.1 is below critical 0.3; set warning at",
    ),
    "forecast warned of too late": (
        "[alerts.limit_full_soon]\nwarning = 60",
        "2: alerts.limit_full_soon.warning: warning 60 is below critical 3600 (critical is the",
    ),
    "forecast critical too early": (
        "[alerts.limit_full_soon]\n\ncritical = 80000",
        "3: alerts.limit_full_soon.critical: warning 21600 is below critical 80000 (warning is",
    ),
    "critical too low": (
        f"[limits.{LIMIT}]\ncritical = 0.001",
        "is above critical 0.001 (warning is the default)",
    ),
    "critical before it is a warning": (
        "[alerts.down]\nfor = 600\ncritical_for = 300",
        "3: alerts.down.critical_for: alerts.down.critical_for 300 is below alerts.down.for 600",
    ),
    "warning after it is critical": (
        "[alerts.down]\nfor = 1000",
        "2: alerts.down.for: alerts.down.critical_for 900 is below alerts.down.for 1000",
    ),
    "a duration that is fixed": (
        "[alerts.unreachable]\nfor = 300",
        "1: alerts.unreachable: unknown section",
    ),
    "nowhere to listen": (
        "[web]\nlisten_addresses = []",
        "[] leaves nowhere to get the metrics; list an address such as 127.0.0.1:10730, or set",
    ),
    "relative textfile": ('[textfile]\ndirectory = "a"', "2: textfile.directory: 'a' must be an"),
    "one address": ('[web]\nlisten_addresses = ":1"', "must be an array"),
    "bad port": ('[web]\nlisten_addresses = ["[::1]:70000"]', "which must have a port of at most"),
    "no port": ('[web]\nlisten_addresses = ["::1"]', "which must be HOST:PORT"),
    "number as address": (
        "[web]\nlisten_addresses = [10730]",
        "contains 10730, which must be a string",
    ),
    "path": ('[web]\ntelemetry_path = "metrics"', "must be a path such as /metrics"),
    "path pattern": ('[web]\ntelemetry_path = "/{x}"', "must be a path such"),
    "root as path": ('[web]\ntelemetry_path = "/"', "must be a path such"),
    "path of runbooks": ('[web]\ntelemetry_path = "/runbooks/errors"', "is reserved"),
    "path of the page": ('[web]\ntelemetry_path = "/static/a"', "is reserved"),
    "path of the pool": ('[web]\ntelemetry_path = "/pool"', "is reserved"),
    "path of a VM": ('[web]\ntelemetry_path = "/vm/web"', "is reserved"),
    "path upwards": ('[web]\ntelemetry_path = "/a/../b"', "must be a path such as /metrics"),
    "path of a dot": ('[web]\ntelemetry_path = "/."', "must be a path such as /metrics"),
    "path without a part": ('[web]\ntelemetry_path = "//a"', "must be a path such as /metrics"),
    "path of health": ('[web]\ntelemetry_path = "/-/ready"', "is reserved"),
    "level": ('[log]\nlevel = "warn"', "did you mean warning?"),
    "source": ('[source]\nkind = "hosts"', "did you mean host?"),
    "tree of nothing": ('[source]\nkind = "tree:"', "must be tree:DIR"),
    "host of something": ('[source]\nkind = "host:a"', "must be host"),
    "preset of nothing": ('[source]\nkind = "synthetic:"', "must be synthetic[:NAME]"),
    "relative root": ('[source]\nrootfs = "a"', "'a' must be an absolute path"),
    "control characters": ('[log]\nlevel = "\\u001b[2J"', r"'\x1b[2J' must be one of: debug, info"),
    "name with escapes": ('"\\u001b[2J" = 1', r"\x1b[2J: unknown key"),
    "key of a shape": (
        "[shapes.web]\nvcpu = 2",
        "2: shapes.web.vcpu: unknown key; did you",
    ),
    "value of a shape": (
        "[shapes.web]\nvcpus = 0",
        "shapes.web.vcpus: 0 must be between 1 and 512",
    ),
    "type of a shape": ('[shapes.web]\ntype = "xen"', "'xen' must be one of: pv, pvh, hvm"),
    "name of a shape": ('[shapes."a=b"]\nvcpus = 1', "shapes.a=b: invalid shape name"),
    "shape as key": ("[shapes]\nweb = 1", "shapes.web: must be a section: write [shapes.web]"),
    "no TOML": ("[web", "invalid TOML"),
    "endless nesting": ("a = " + "[" * 100000, "nested too deeply"),
    "endless digits": ("a = " + "9" * 10000, "invalid TOML"),
    "huge number": ("[web]\nmax_requests = 0x" + "f" * 9999, "thousands of digits must be between"),
    "deep table": (
        "[web." + ".".join(["max_requests"] * 5000) + "]",
        "a key of more than 32 parts",
    ),
    "deep key": ("a = 1\n" + r'"\"".' * 40 + "b = 1", "2: invalid TOML: a key of more than 32"),
    "NUL": ("\0", "invalid TOML"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_configuration_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A mistake is refused with the file, the line where it is known, the key and what to do."""
    said = refusal(tmp_path, text)

    assert said.startswith("xenwatch.toml:")
    assert message in said
    assert said.isprintable()


def test_what_is_sooner_critical_need_not_be_a_warning_for_long(tmp_path: Path) -> None:
    """An alert that is critical at another threshold may be so sooner than its warning."""
    found = settings(tmp_path, "[alerts.limit_full_soon]\nfor = 600\ncritical_for = 0\n").alerts()

    assert found.held("limit_full_soon", "critical") == 0


@pytest.mark.parametrize("name", ["unreachable", "maintenance"])
def test_what_mutes_does_so_at_once(tmp_path: Path, name: str) -> None:
    """No key delays an alert that mutes others."""
    assert f"alerts.{name}.for" not in {key.path for key in KEYS}
    assert settings(tmp_path, "").alerts().seconds[name] == 0


def test_shapes_are_as_configured(tmp_path: Path) -> None:
    """A section makes a shape, one of a built-in's name changes that; the others stay."""
    text = "[shapes.web]\nvcpus = 4\nuefi = true\n[shapes.windows]\ndisks = 2\n"
    found = settings(tmp_path, text).shapes()

    assert found == {
        **BUILT_IN,
        "windows": dataclasses.replace(BUILT_IN["windows"], disks=2),
        "web": Shape("web", vcpus=4, uefi=True),
    }


def test_a_shape_has_the_memory_it_states(tmp_path: Path) -> None:
    """A shape's memory is as configured, a built-in one's too; one that states none has 2 GiB."""
    text = "[shapes.web]\nvcpus = 4\n[shapes.linux]\nmemory_bytes = 536870912\n"
    found = settings(tmp_path, text).shapes()

    assert found["web"].memory_bytes == found["windows"].memory_bytes == 2 << 30
    assert found["linux"].memory_bytes == 512 << 20


@pytest.mark.parametrize("value", ["0", "2048", "-1", "2.5", '"2G"'])
def test_a_memory_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    """No memory, MiB in the place of bytes and text are refused, and the error says what to write.

    Before, 0 was a shape whose memory a plan did not count.
    """
    said = refusal(tmp_path, f"[shapes.web]\nmemory_bytes = {value}\n")

    assert said.startswith("xenwatch.toml:2: shapes.web.memory_bytes: ")
    assert said.endswith("in bytes, 2 GiB is 2147483648")


def test_every_problem_is_reported(tmp_path: Path) -> None:
    """All mistakes of a file are reported at once."""
    said = refusal(tmp_path, '[web]\nmax_requests = 0\nfoo = 1\n[log]\nlevel = "loud"\n')

    assert [line.split(": ")[1] for line in said.splitlines()] == [
        "web.max_requests",
        "web.foo",
        "log.level",
    ]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_key_may_be_set_to_its_default(key: Key[object]) -> None:
    """A key's own default is a value it takes, and the description is a sentence."""
    assert key.convert("never" if key.default is None else key.default) == key.default
    assert key.description[0].isupper()
    assert key.description.endswith(".")


def test_keys_are_unique() -> None:
    """No two keys have the same path or flag."""
    flags = [key.flag for key in KEYS if key.flag]

    assert len({key.path for key in KEYS}) == len(KEYS)
    assert len(set(flags)) == len(flags)


def test_what_is_not_set_has_its_default(tmp_path: Path) -> None:
    """An empty file gives the probes and thresholds of the tables."""
    empty = settings(tmp_path, "")

    assert empty.probes() == PROBES
    assert empty.thresholds() == {limit.name: limit.thresholds for limit in LIMITS}
    assert empty[LISTEN] == ("127.0.0.1:10730",)
    assert empty[SOURCE] == "host"


def test_probes_and_limits_take_what_is_set(tmp_path: Path) -> None:
    """Sections of probes and limits change those alone, and `never` takes a threshold away."""
    some = settings(
        tmp_path,
        f"[probes.{PROBE}]\ninterval = 7\nshare = 0.25\nenabled = false\n"
        f'[limits.{LIMIT}]\nwarning = 0.25\ncritical = "never"\n',
    )

    assert some.probes()[0] == dataclasses.replace(
        PROBES[0], interval=7.0, share=0.25, enabled=False
    )
    assert some.probes()[1:] == PROBES[1:]
    assert (some.thresholds()[LIMIT].warning, some.thresholds()[LIMIT].critical) == (0.25, None)


def test_the_command_line_wins(tmp_path: Path) -> None:
    """A value of the command line stands before the file's."""
    path = tmp_path / "xenwatch.toml"
    path.write_text("[web]\nmax_requests = 5\n")

    assert load_settings(str(path), {"web.max_requests": 6})[MAX_REQUESTS] == 6


def test_a_bad_option_is_named_as_such(tmp_path: Path) -> None:
    """A refused value of the command line is reported with its option."""
    path = tmp_path / "xenwatch.toml"
    path.touch()
    with pytest.raises(
        ConfigError, match=r"^--web.listen-address: \['nowhere'\] contains 'nowhere'"
    ):
        load_settings(str(path), {"web.listen_addresses": ["nowhere"]})


def test_a_named_file_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default file may be missing; one that was named may not."""
    missing = str(tmp_path / "missing.toml")
    monkeypatch.setattr("xenwatch.config.config_file.DEFAULT_FILE", missing)

    assert load_settings(None, {}).values == {}
    with pytest.raises(ConfigError, match=r"missing\.toml: No such file or directory"):
        load_settings(missing, {})


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    """What cannot be read is refused with the reason."""
    with pytest.raises(ConfigError, match="is a directory, must be a file"):
        load_settings(str(tmp_path), {})


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8 is refused with the place of the first bad byte."""
    path = tmp_path / "xenwatch.toml"
    path.write_bytes(b"[web]\n\xff")
    with pytest.raises(ConfigError, match=r"must be UTF-8 text: invalid byte at offset 6"):
        load_settings(str(path), {})


def test_an_endless_file_is_refused(tmp_path: Path) -> None:
    """Neither a device nor a pipe is opened, and no more than a megabyte is read of a file."""
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)

    for name in ("/dev/zero", "/dev/tty", str(tmp_path / "pipe")):
        with pytest.raises(ConfigError, match="is not a regular file"):
            load_settings(name, {})
    with pytest.raises(ConfigError, match="must not be larger than 1048576 bytes"):
        load_settings(str(tmp_path / "large"), {})


def test_the_null_device_is_no_configuration() -> None:
    """That nothing is configured can be said without a file for it."""
    assert load_settings("/dev/null", {}).values == {}


_VALUES = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(st.characters(exclude_categories=["C"], exclude_characters="'"), max_size=9),
)


def _toml(value: object) -> str:
    if isinstance(value, str):
        return f"'{value}'"
    return str(value).lower()


_LINES = st.one_of(
    st.sampled_from([key.section for key in KEYS]).map("[{}]".format),
    st.builds("{} = {}".format, st.sampled_from([key.name for key in KEYS]), _VALUES.map(_toml)),
    st.sampled_from(KEYS).map(lambda key: key.path + " = 1"),
    st.text(max_size=20),
)


@hypothesis.settings(deadline=None)
@given(st.one_of(st.binary(max_size=200), st.lists(_LINES).map(lambda x: "\n".join(x).encode())))
@example(b"web = 1\nlog = []\nprobes = 'a'\nlimits = 2020-01-01")
@example(b"[[web]]\n[[probes]]\n[probes.host]")
def test_no_input_raises_but_refusals(data: bytes) -> None:
    """Whatever the file holds, the values that pass are of their keys, and nothing is raised."""
    problems: list[str] = []
    converters = parse(data, "file", KEYS, problems)

    assert all(line.startswith("file") and line.isprintable() for line in problems)
    assert converters.keys() <= {key.path for key in KEYS}
    if not problems:
        Settings(converters).probes()
        Settings(converters).thresholds()

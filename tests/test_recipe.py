"""The recipe of the packages, as far as it can be tested without building them."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.packages.recipe import RECIPE, ROOT, recipe
from tests.shown import MANUALS, commands
from tests.tools import tool
from xenwatch.cli.commands import HELP
from xenwatch.cli.configured import settings_of
from xenwatch.cli.main import make_parser
from xenwatch.cli.source import open_source
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.converters import address
from xenwatch.config.keys import KEYS

SCRIPTS = sorted(
    path.relative_to(ROOT)
    for path in [*RECIPE.iterdir(), *(RECIPE / "scripts").iterdir()]
    if path.is_file() and re.match(rb"#!.*/(env bash|sh)\n", path.read_bytes())
)
CONTAINER = ROOT / "contrib/oci/Containerfile"
MANUAL = ROOT / "docs/packages.md"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the manual pages."""
    directory = tmp_path_factory.mktemp("pages")
    recipe("manual").main(directory, 0)
    return directory / "man"


def read(path: Path) -> str:
    """A compressed page, without the escapes of roff(7)."""
    text = gzip.decompress(path.read_bytes()).decode()
    return text.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")


def test_the_manual_has_every_command(pages: Path) -> None:
    """xenwatch(1) has a section for every command, with what it does."""
    text = read(pages / "man1/xenwatch.1.gz")

    for name, what in HELP.items():
        assert f".SS {name}\n{what}\n" in text.replace("-", "-")


def test_the_manual_has_every_key(pages: Path) -> None:
    """xenwatch.toml(5) has every key with its description, once in its section."""
    text = read(pages / "man5/xenwatch.toml.5.gz")
    sections = dict(re.findall(r"\.SH \[(.*)\]\n((?:(?!\.SH).*\n)*)", text))

    for key in KEYS:
        assert sections[key.section].count(f".BR {key.name} ") == 1
        assert key.description in sections[key.section]


def test_roff_sees_no_requests_in_text() -> None:
    """Text that begins with a dot or holds a backslash is printed as it is."""
    assert recipe("manual").roff(".so /etc/passwd\\n") == "\\&.so /etc/passwd\\en"


def test_the_lock_names_every_dependency_and_no_address() -> None:
    """What the package declares is locked by its hash, and no place it comes from is."""
    lock = recipe("lock")
    locked = lock.load()
    declared = {re.split(r"[^\w-]", line)[0].lower() for line in lock.requirements()}
    files = [file for kind in json.loads(lock.LOCK.read_text()).values() for file in kind]

    assert declared <= {file.package for file in locked.wheels}
    assert set(lock.TOOLS) <= {file.package for file in locked.tools}
    assert all(re.fullmatch("[0-9a-f]{64}", file["sha256"]) for file in files)
    assert "://" not in lock.LOCK.read_text()


def test_a_change_of_the_recipe_builds_the_interpreter_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cache knows an interpreter by its recipe and by what it is made from."""
    lock = recipe("lock")
    before = lock.load()
    other = lock.File("python3.13", "9", "python3.13_9.orig.tar.xz", "0" * 64)
    after = lock.Lock((other,), before.libraries, before.wheels, before.tools)
    keys = {before.interpreter_key, after.interpreter_key}
    monkeypatch.setattr(lock, "RECIPE", RECIPE / "install.sh")

    assert len(keys | {before.interpreter_key}) == 3


def test_a_newer_libc_is_refused(tmp_path: Path) -> None:
    """A binary that needs a newer glibc than 2.17, or another library, stops the build."""
    gates = recipe("gates")
    tool("readelf")
    # Programs built with glibc 2.34 or newer begin in __libc_start_main@GLIBC_2.34.
    shutil.copy("/bin/true", tmp_path)

    with pytest.raises(gates.GateError, match=r"needs GLIBC_2\.34"):
        gates.check_binaries(tmp_path)


def test_a_program_at_one_address_is_refused(tmp_path: Path) -> None:
    """A program that the kernel loads at the same address always stops the build."""
    gates = recipe("gates")
    tool("readelf")
    program = bytearray(Path("/bin/true").read_bytes())
    program[16:18] = b"\x02\x00"  # ET_EXEC
    (tmp_path / "true").write_bytes(program)

    with pytest.raises(gates.GateError, match="true is loaded at one address always"):
        gates.check_binaries(tmp_path)


def test_a_package_that_differs_is_named(tmp_path: Path) -> None:
    """Two builds that differ in a byte are told by the name of the file."""
    gates = recipe("gates")
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"a")
    other.write_bytes(b"b")

    gates.check_equal([one], [one])
    with pytest.raises(gates.GateError, match="one differs between two builds"):
        gates.check_equal([one], [other])


def test_every_unit_of_the_repository_is_packaged() -> None:
    """Each unit, user and directory of systemd/ is installed where systemd looks for it."""
    installed = recipe("layout").installed()
    files = [path for path in (ROOT / "systemd").rglob("*") if path.is_file()]
    units = [path for path in files if path.parent.name == "systemd" and path.suffix != ".conf"]
    others = [path for path in files if path.parent.name in {"sysusers.d", "tmpfiles.d"}]

    assert {f"usr/lib/systemd/system/{path.name}" for path in units} | {
        f"usr/lib/{path.parent.name}/{path.name}" for path in others
    } == set(installed)


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_shellcheck_accepts_the_script(script: Path) -> None:
    """The scripts of the recipe and of the packages leave shellcheck silent."""
    done = subprocess.run(
        [tool("shellcheck"), str(ROOT / script)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


def instructions(keyword: str) -> list[str]:
    """What the container's recipe says behind a keyword, in order."""
    return re.findall(rf"(?m)^{keyword} (.*)$", CONTAINER.read_text())


def test_the_container_is_made_of_what_the_archive_has() -> None:
    """It unpacks the archive, runs the script that is in it, and starts the command it installs."""
    layout = recipe("layout")
    (entry,) = map(json.loads, instructions("ENTRYPOINT"))
    (installation,) = instructions("RUN")
    script = installation.split()[0]
    sources = [line.split()[0] for line in instructions("(?:FROM|ADD)")]

    assert instructions("ARG")[0].startswith("BASE=")
    assert instructions("ARG")[1:] == ["ARCHIVE"]
    assert sources == ["${BASE}", "${ARCHIVE}"]
    assert instructions("ADD")[0].split()[1] == "/srv/"
    assert script == f"/srv/xenwatch-*/{(RECIPE / 'install.sh').name}"
    assert os.access(RECIPE / "install.sh", os.X_OK)
    assert [path.removeprefix("/") in layout.LINKS for path in entry] == [True]
    assert f"--file {CONTAINER.relative_to(ROOT)} " in MANUAL.read_text()
    assert set(re.findall(r"--build-arg (\w+)=", MANUAL.read_text())) == {"BASE", "ARCHIVE"}


def test_the_container_starts_with_options_that_there_are() -> None:
    """By default it serves a synthetic host, at the port that it exposes."""
    (arguments,) = map(json.loads, instructions("CMD"))
    options = make_parser().parse_args(["--config.file=/dev/null", *arguments])
    settings = settings_of(options)
    (port,) = instructions("EXPOSE")

    assert arguments[0] == "run"
    assert open_source(settings[SOURCE]).origin.invented
    assert [address(each) for each in settings.addresses()] == [("", int(port))]


def test_the_packages_have_what_documents_install() -> None:
    """A file of contrib that a document installs is in the packages, under its own name."""
    lines = [command.line for path in MANUALS for command in commands(path.read_text())]
    installed = re.findall(r"install -D [^\n]*? contrib/([\w.-]+)", "\n".join(lines))

    assert installed
    shared = recipe("layout").SHARED
    assert {shared.get(f"contrib/{name}") for name in installed} == set(installed)


@pytest.mark.parametrize(("tags", "release"), [("v1.2\n", "1"), ("", "0.345"), ("v1.2.1", "0.345")])
def test_a_newer_build_has_a_newer_release(
    monkeypatch: pytest.MonkeyPatch, tags: str, release: str
) -> None:
    """The release of the rpm and the deb grows with each commit until the version is tagged."""
    build = recipe("make_packages")
    said = {"rev-parse": "false", "tag": tags, "rev-list": "345"}
    monkeypatch.setattr(build, "git", lambda command, *rest: said[command])

    assert build.release("1.2") == release


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [(["--help"], 0, "install.sh --uninstall  removes it"), (["--uninstal"], 2, "--uninstal;")],
)
def test_install_sh_says_how_it_is_called(arguments: list[str], status: int, words: str) -> None:
    """Help is no error, an unknown option is bad usage; both need no root and change nothing."""
    done = subprocess.run(
        ["/bin/sh", str(RECIPE / "install.sh"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status
    assert words in (done.stderr if status else done.stdout)


def test_synthetic_hosts_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Presets are offered in every shell, sources with a colon where that is a part of a word."""
    shtab = SimpleNamespace(FILE={}, DIRECTORY={})
    monkeypatch.setitem(sys.modules, "shtab", shtab)
    completions = recipe("completions")
    [plan] = [
        command
        for action in completions.described(make_parser(), "fish")._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, command in action.choices.items()
        if name == "plan"
    ]
    offered = {action.option_strings[0]: action.choices for action in plan._actions}

    assert "debian-12" in offered["--platform"]
    assert {"host", "synthetic:debian-12", "synthetic:boot-storm"} <= set(offered["--source"])
    assert "synthetic\\:debian-12" in completions.sources("zsh")
    assert not any(":" in name for name in completions.sources("bash"))

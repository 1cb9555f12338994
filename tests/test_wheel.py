"""The wheel as users install it: what is in it, and that it runs outside the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import xenwatch

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without the network."""
    directory = tmp_path_factory.mktemp("wheel")
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(directory)]
    subprocess.run([*command, str(ROOT)], check=True, cwd=directory)
    (path,) = directory.glob("*.whl")
    return path


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """The wheel holds every module, the mark of types and the licence, and no tests."""
    names = set(zipfile.ZipFile(wheel).namelist())
    metadata = f"xenwatch-{xenwatch.__version__}.dist-info/"
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "xenwatch").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    package |= {f"xenwatch/runbooks/{path.name}" for path in (ROOT / "contrib/runbooks").iterdir()}

    assert "xenwatch/py.typed" in names
    assert metadata + "licenses/LICENSE" in names
    assert {name for name in names if not name.startswith(metadata)} == package


def test_the_installed_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    """The installed wheel runs outside the checkout, and has the runbooks."""
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python = tmp_path / "env/bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-index", "--no-deps", str(wheel)], check=True, cwd=tmp_path)
    # The dependencies are those of the tests; the package itself is found in the wheel first.
    (purelib,) = (tmp_path / "env/lib").glob("python3*/site-packages")
    (purelib / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    version = subprocess.check_output(
        [tmp_path / "env/bin/xenwatch", "--version"], cwd=tmp_path, text=True
    )
    script = "from xenwatch.alerts.runbooks import DIRECTORY, files; print(DIRECTORY, len(files()))"
    found, number = subprocess.check_output([python, "-c", script], cwd=tmp_path, text=True).split()

    assert version == f"xenwatch {xenwatch.__version__}\n"
    assert Path(found).is_relative_to(tmp_path)
    assert int(number) == len([*(ROOT / "contrib/runbooks").iterdir()])

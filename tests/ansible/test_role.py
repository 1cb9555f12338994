"""The role for Ansible: what it can be asked without a host."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.ansible.programs import ANSIBLE, ROLE, called


def test_the_playbook_can_be_read(tmp_path: Path) -> None:
    """Ansible accepts the syntax of the example's playbook, inventory and role."""
    example = ("--inventory", "inventory.yml", "xenwatch.yml")
    done = called(tmp_path, "ansible-playbook", "--syntax-check", *example)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stderr


def test_ansible_lint_accepts_it(tmp_path: Path) -> None:
    """The strictest profile of ansible-lint finds nothing."""
    strict = ("--offline", "--profile", "production", "--strict", "--nocolor", "-q")
    done = called(tmp_path, "ansible-lint", *strict, "xenwatch.yml", "roles/xenwatch")

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_package_of_another_format_is_refused(tmp_path: Path) -> None:
    """A package that is neither rpm nor deb is refused by its name, before anything is copied."""
    playbook = tmp_path / "play.yml"
    roles = f"[{{role: {ROLE}, xenwatch_package: /srv/xenwatch.tar.gz}}]"
    playbook.write_text(f"- {{hosts: all, gather_facts: false, roles: {roles}}}\n")
    local = ("--inventory", "localhost,", "--connection", "local")
    done = called(tmp_path, "ansible-playbook", *local, str(playbook))

    assert done.returncode == 2
    assert "/srv/xenwatch.tar.gz must be a .rpm or .deb file" in done.stdout
    assert "changed=0" in done.stdout


def test_the_variables_are_described() -> None:
    """The README's table has each variable of the role, with its default."""
    arguments = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())
    options = arguments["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \|", (ROLE / "README.md").read_text())

    shown = {name: "required" for name, option in options.items() if option.get("required")}
    shown |= {name: f"`{value}`" if value else '`""`' for name, value in defaults.items()}
    assert dict(rows) == shown
    assert defaults == {
        name: option["default"] for name, option in options.items() if "default" in option
    }


def test_only_modules_of_ansible_itself_are_used() -> None:
    """No task needs a collection."""
    for path in [*(ROLE / "tasks").glob("*.yml"), *(ROLE / "handlers").glob("*.yml")]:
        modules = set(re.findall(r"(?m)^\s+(\w+\.\w+\.\w+):", path.read_text()))
        assert all(module.startswith("ansible.builtin.") for module in modules), path

    assert not list(ANSIBLE.rglob("requirements.yml"))

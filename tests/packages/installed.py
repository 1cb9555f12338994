"""What is installed in a root, whatever the format."""

from __future__ import annotations

from tests.packages.roots import Root

CONFIGURATION = "/etc/xenwatch/xenwatch.toml"
MINE = "[log]\nlevel = 'debug'\n"
STATE = "/var/lib/xenwatch/alerts.json"
UNITS = "/usr/local/lib/systemd/system"
"""Where install.sh puts units, and not the administrator."""
LINKS = "/opt/xenwatch/share/links"


def owner(root: Root, path: str) -> str:
    """Owner, group and mode of a path."""
    return root.run("stat", "--format", "%U:%G %a", path).strip()


def links(root: Root) -> dict[str, str]:
    """The links outside of the prefix, and where each leads."""
    lines = root.run("cat", LINKS).splitlines()
    return {link: target for link, _, target in (line.partition(" ") for line in lines)}


def use(root: Root) -> None:
    """Configure it and give it a state, as who uses it does."""
    root.run("sh", "-c", f'printf "%s" "{MINE}" >{CONFIGURATION}; echo 1 >{STATE}')


def kept(root: Root) -> tuple[str, str]:
    """Configuration and state as they are."""
    return root.run("cat", CONFIGURATION), root.run("cat", STATE)


def installed_well(root: Root, units: str) -> None:
    """Assert what every format installs: command, links, user, configuration, state, units."""
    for link, target in links(root).items():
        assert root.run("readlink", link).strip() == target
        root.run("test", "-s", link)
    assert owner(root, CONFIGURATION) == "root:xenwatch 640"
    assert owner(root, "/var/lib/xenwatch").startswith("xenwatch:xenwatch")
    assert root.run("cat", f"{units}/xenwatch.service") == root.run(
        "cat", "/opt/xenwatch/share/systemd/xenwatch.service"
    )
    root.run("xenwatch", "check-config")

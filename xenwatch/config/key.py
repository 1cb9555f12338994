"""The type of a configuration key."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Generic, TypeVar

from xenwatch.values import dataclass

T = TypeVar("T")


class FileUse(enum.Enum):
    """What is done with the file that a key names."""

    READ = "read"
    REPLACE = "replaced as a whole: its directory is written"
    FOLLOW = "written by others, and read whenever it is there"
    DIRECTORY = "a directory that is read"
    FILL = "a directory in which files are written"
    HIDDEN = "holds a secret alone, and is read at each use"
    RUN = "run, with the rest of the array as arguments"


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """One key of the configuration.

    `path` is the section and the name joined by a dot (`web.listen_addresses`,
    `probes.memory.interval`); `type` the TOML type as text; `default` its value when
    it is not set (`None`: none, shown as `never`); `description` one sentence for operators;
    `convert` converts the TOML value or raises `ValueError` with the reason;
    `flag` is the command-line option that overrides it, if any; `restart` whether a change
    takes effect only after a restart, not at SIGHUP; `lower_is_worse` of a threshold whether
    values below it are the bad ones; `at_least` the path of a key whose value it must not be below;
    `file` what is done with the file it names, if it names one; `instead_of` the path of a key that
    must not be set beside it, `together` of one that must be; `secret` whether no message may show
    its value.
    """

    path: str
    type: str
    default: T
    description: str
    convert: Callable[[object], T]
    flag: str = ""
    restart: bool = False
    lower_is_worse: bool = False
    at_least: str = ""
    file: FileUse | None = None
    instead_of: str = ""
    together: str = ""
    secret: bool = False

    @property
    def section(self) -> str:
        """The TOML table the key is in: `web`, `probes.memory`."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The key's name within its section."""
        return self.path.rpartition(".")[2]

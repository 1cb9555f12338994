"""Where a recording saves: in a directory, each answer at once, or all changed at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from xenwatch.sources.output import OutputDirectory
from xenwatch.sources.saved import REDACTED, Rewrite, Saved, SavedFile
from xenwatch.sources.tree import CALLS, FILES, MANIFEST, mirrored


class Saving(Protocol):
    """Where a recording saves. Each method raises `OSError`."""

    def save(self, saved: Saved) -> None:
        """Save a file or a call."""
        ...

    def manifest(self, fields: Mapping[str, Any]) -> None:
        """Write the manifest anew."""
        ...

    def finish(self) -> None:
        """Write what is not written yet; nothing is saved later but the manifest."""
        ...

    def close(self) -> None:
        """Close descriptors."""
        ...


class Directory:
    """Writes to a new or empty directory, each at once, so that what there is can be replayed."""

    def __init__(self, directory: str | Path) -> None:
        self._output = OutputDirectory(directory)
        self._calls = self._output.new_file(CALLS.encode())

    def save(self, saved: Saved) -> None:
        """See `Saving`."""
        if isinstance(saved, SavedFile):
            name = mirrored(saved.path)
            if name is None:
                raise OSError(f"no name for {saved.path!a}")
            self._output.write(FILES.encode() + b"/" + name, saved.content)
            return
        fields = {"verb": saved.verb, "arguments": saved.arguments, **saved.outcome}
        self._calls.write(json.dumps(fields).encode() + b"\n")
        self._calls.flush()

    def manifest(self, fields: Mapping[str, Any]) -> None:
        """See `Saving`."""
        self._output.write(MANIFEST.encode(), json.dumps(fields).encode() + b"\n")

    def finish(self) -> None:
        """See `Saving`."""
        self._calls.close()

    def close(self) -> None:
        """See `Saving`."""
        self._output.close()


class Rewritten:
    """Keeps all in memory until the end, and then writes what `rewrite` makes of it.

    Nothing is on disk before, also where the capture is interrupted.
    """

    def __init__(self, directory: str | Path, rewrite: Rewrite) -> None:
        self._directory = Directory(directory)
        self._rewrite = rewrite
        self._kept: list[Saved] = []

    def save(self, saved: Saved) -> None:
        """See `Saving`."""
        self._kept.append(saved)

    def manifest(self, fields: Mapping[str, Any]) -> None:
        """See `Saving`."""
        self._directory.manifest({**fields, REDACTED: True})

    def finish(self) -> None:
        """See `Saving`."""
        for saved in self._rewrite(self._kept):
            self._directory.save(saved)
        self._directory.finish()

    def close(self) -> None:
        """See `Saving`."""
        self._directory.close()

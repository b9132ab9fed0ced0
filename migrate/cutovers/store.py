"""What a mechanism must remember between two runs of the program: small texts by key."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from migrate.files import replace

Store = MutableMapping[str, str]
"""Texts by key; a dict will do where nothing need outlive the program."""


class FileStore(MutableMapping[str, str]):
    """A store in one JSON file of mode 0600, replaced as a whole at each change; made when first written.

    Raises OSError where the file cannot be read or written, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getitem__(self, key: str) -> str:
        """The text of a key; raises KeyError."""
        return self._read()[key]

    def __setitem__(self, key: str, value: str) -> None:
        """Write one text."""
        self._write({**self._read(), key: value})

    def __delitem__(self, key: str) -> None:
        """Take one text away; raises KeyError."""
        texts = self._read()
        del texts[key]
        self._write(texts)

    def __iter__(self) -> Iterator[str]:
        """The keys."""
        return iter(self._read())

    def __len__(self) -> int:
        """How many there are."""
        return len(self._read())

    def _read(self) -> dict[str, str]:
        try:
            value = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            value = None
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise OSError(errno.EINVAL, "holds no JSON object of texts; move it away", str(self.path))
        return value

    def _write(self, texts: dict[str, str]) -> None:
        replace(self.path, json.dumps(texts, indent=1, sort_keys=True) + "\n", mode=0o600)

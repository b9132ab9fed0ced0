"""What one conversion is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migrate.model.objects import Object
from migrate.replay.kinds import Kind


def same_fields(obj: Object) -> Object:
    """Leave the fields alone: both versions have them under the same names, with the same meaning."""
    return obj


def nothing_to_say(_obj: Object) -> str:
    """Say nothing: the object means afterwards what it meant before."""
    return ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How objects of a kind get from a version that was given up to one of the same group that took its place.

    `change` rewrites the fields, `note` says of an object what a person should know of it.
    """

    kind: Kind
    version: str
    becomes: str
    change: Callable[[Object], Object] = same_fields
    note: Callable[[Object], str] = nothing_to_say

    @property
    def renames(self) -> bool:
        """Whether it changes the version's name alone."""
        return self.change is same_fields

    def convert(self, obj: Object) -> Object:
        """The object in the version that it becomes; the original stays as it is."""
        return {**self.change(obj), "apiVersion": self._api_version}

    def said(self, obj: Object) -> str:
        """What was done, for the object's decision."""
        note = self.note(obj)
        return f"converted from {obj.get('apiVersion', '')} to {self._api_version}" + (
            f": {note}" if note else ""
        )

    @property
    def _api_version(self) -> str:
        return f"{self.kind[0]}/{self.becomes}"

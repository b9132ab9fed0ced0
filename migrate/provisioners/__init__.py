"""Ways of making green, one module each; a new one is one new file with a `KIND` and a `build`.

Lives here: the real sides of the provisioner door. Never here: what runs on green afterwards, or a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from migrate.doors.provisioner import Provisioner
from migrate.errors import UsageError
from migrate.members import members
from migrate.model.migration import ProvisionerSpec

__all__ = ["kinds", "provisioner"]


class _Member(Protocol):
    KIND: str

    def build(self, spec: ProvisionerSpec, directory: Path, name: str) -> Provisioner: ...


def _members() -> Mapping[str, _Member]:
    return cast("Mapping[str, _Member]", members(__name__, __path__))


def kinds() -> tuple[str, ...]:
    """The kinds that this package makes; `simulated` is the simulation's own."""
    return tuple(sorted(_members()))


def provisioner(spec: ProvisionerSpec, *, directory: Path, name: str) -> Provisioner:
    """Build the provisioner of a migration file; `directory` is the state directory, `name` the migration's name.

    Raises UsageError for a kind that is not here, and for keys that the kind needs and that are missing.
    """
    member = _members().get(spec.kind)
    if member is None:
        raise UsageError(
            f"green.provisioner.kind {spec.kind!r} makes no real cluster",
            remedy=f"write one of {', '.join(kinds())}",
        )
    return member.build(spec, directory, name)

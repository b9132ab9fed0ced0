"""Ways of making green, one module each; a new one is one new file with a `KIND` and a `build`.

Lives here: the real sides of the provisioner door. Never here: what runs on green afterwards, or a decision.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from migrate.doors.provisioner import Provisioner
from migrate.errors import UsageError
from migrate.model.migration import ProvisionerSpec

__all__ = ["kinds", "provisioner"]


class _Member(Protocol):
    KIND: str

    def build(self, spec: ProvisionerSpec, directory: Path, name: str) -> Provisioner: ...


@cache
def _members() -> dict[str, _Member]:
    """Every module of this folder that says its kind."""
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {module.KIND: cast("_Member", module) for module in modules if hasattr(module, "KIND")}


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

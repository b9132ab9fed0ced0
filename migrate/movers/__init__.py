"""Ways of copying a claim's data, one module each; a new one is one new file with a `KIND` and a `make`.

Lives here: the real sides of the mover's door. Never here: when data is copied, or what becomes of a claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from migrate.doors.mover import Copied, Going, Mover, NoMover, Pass
from migrate.members import members
from migrate.model.migration import MoverSpec
from migrate.movers.ends import Ends
from migrate.replay.storage import data_of

__all__ = ["Ends", "kinds", "mover"]


class _Member(Protocol):
    KIND: str

    def make(self, spec: MoverSpec, ends: Ends) -> Mover: ...


def _members() -> Mapping[str, _Member]:
    return cast("Mapping[str, _Member]", members(__name__, __path__))


def kinds() -> tuple[str, ...]:
    """The kinds that this package makes."""
    return tuple(sorted(_members()))


def mover(ends: Ends) -> Mover:
    """The movers of a migration as one: each claim's is the one that the file names for it."""
    return _ByClaim(ends)


@dataclass(frozen=True)
class _ByClaim:
    ends: Ends

    def observe(self, task: Pass) -> Copied | None:
        return self._of(task).observe(task)

    def copy(self, task: Pass, deadline: float, going: Going) -> Copied:
        return self._of(task).copy(task, deadline, going)

    def let_go(self, task: Pass, deadline: float, going: Going) -> None:
        self._of(task).let_go(task, deadline, going)

    def _of(self, task: Pass) -> Mover:
        data = data_of(self.ends.migration, task.claim)
        if data is None or data.mover is None:
            return NoMover()
        return _members()[data.mover.kind].make(data.mover, self.ends)

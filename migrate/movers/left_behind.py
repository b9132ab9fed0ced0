"""Programs that a dead run has left copying: ended before another begins, as two would write to one volume.

Worse, one that goes on after green's writer has begun would write over its work.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migrate.errors import Refused
from migrate.model.objects import Ref
from migrate.movers import notes
from migrate.processes import born, end_group

GRACE = 10.0


@dataclass(frozen=True)
class LeftBehind:
    """A note a claim, of the process that copies it last."""

    directory: Path

    def note(self, claim: Ref, pid: int) -> None:
        """Write down who copies a claim."""
        notes.write(self._path(claim), {"pid": pid, "born": born(pid)})

    def end(self, claim: Ref) -> None:
        """End who was noted, if that very process is still there; raises Refused where it does not end."""
        note = notes.read(self._path(claim))
        try:
            pid, then = int(note["pid"]), str(note["born"])
        except (ValueError, KeyError, TypeError):
            return
        if not then or born(pid) != then:
            return
        end_group(pid, GRACE, lambda: born(pid) != then)
        if born(pid) == then:
            raise Refused(f"process {pid}, begun by an earlier run, still copies {claim} and does not end")

    def _path(self, claim: Ref) -> Path:
        return self.directory / f"{claim.namespace}.{claim.name}.json"  # a namespace's name has no dot

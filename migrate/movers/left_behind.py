"""Programs that a dead run has left copying: ended before another begins, as two would write to one volume.

Worse, one that goes on after green's writer has begun would write over its work.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from migrate.errors import Refused
from migrate.model.objects import Ref
from migrate.processes import born, end_group

GRACE = 10.0


@dataclass(frozen=True)
class LeftBehind:
    """A note a claim, of the process that copies it last."""

    directory: Path

    def note(self, claim: Ref, pid: int) -> None:
        """Write down who copies a claim."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(claim)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps({"pid": pid, "born": born(pid)}), encoding="utf-8")
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)

    def end(self, claim: Ref) -> None:
        """End who was noted, if that very process is still there; raises Refused where it does not end."""
        try:
            note = json.loads(self._path(claim).read_text(encoding="utf-8"))
            pid, then = int(note["pid"]), str(note["born"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        if not then or born(pid) != then:
            return
        end_group(pid, GRACE, lambda: born(pid) != then)
        if born(pid) == then:
            raise Refused(f"process {pid}, begun by an earlier run, still copies {claim} and does not end")

    def _path(self, claim: Ref) -> Path:
        return self.directory / f"{claim.namespace}.{claim.name}.json"  # a namespace's name has no dot

"""Copying by VolSync: a ReplicationDestination on green, a ReplicationSource on blue, and a pod on either that counts.

Each pass makes its own objects and takes them away at its end, so that no delta or parity meets them, and no status of an
earlier pass is taken for this one's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from migrate.doors.mover import Amount, Copied, Going, Pass, Sample
from migrate.errors import DoorError, Refused, Transient
from migrate.model.ids import Side
from migrate.model.migration import MoverSpec, VolSyncSpec
from migrate.model.objects import Object, dig
from migrate.movers import notes
from migrate.movers.counting import counted, user_of
from migrate.movers.ends import Ends
from migrate.movers.limits import Limits
from migrate.movers.traces import Traces
from migrate.planning.counting import pod
from migrate.planning.replication import (
    API_VERSION,
    DESTINATION,
    GROUP,
    INSTALL,
    KEY,
    SOURCE,
    copy_name,
    destination,
    key,
    source,
)

KIND = "volsync"

ADDRESS = 600.0
"""Seconds for green's address and key: a load balancer that gives none in that time gives none later."""

PARTING = 300.0
"""Seconds for what a pass made to be gone, VolSync's own pods with it."""

_LINES = 5
_SHOWN = 500


class VolSyncMover:
    """Ask VolSync for one synchronisation a pass, read back that it was this one, and count what is there."""

    def __init__(self, spec: VolSyncSpec, ends: Ends) -> None:
        self._spec = spec
        self._ends = ends

    def observe(self, task: Pass) -> Copied | None:
        """Look into the note of the pass that ended last.

        It is written once the pass's objects are gone: as long as they stand, whatever their status says, the pass is
        asked for again, which takes them away. Then nothing is made twice, and rsync finds little to send.
        """
        note = notes.read(self._note(task))
        if note.get("pass") != str(task):
            return None
        return Copied(
            Amount(**note["source"]), Amount(**note["target"]), note["source_sample"], note["target_sample"]
        )

    def copy(self, task: Pass, deadline: float, going: Going) -> Copied:
        """Synchronise, count, and leave nothing behind; raises as the door says, and takes away what it made then, too."""
        sides = {side: Traces(self._ends.clusters[side], task) for side in Side}
        _require(sides, task)
        limits = Limits(f"volsync ({task.phase} pass of {task.claim})", self._ends.clock, deadline, going)
        try:
            limits.until("what an earlier pass made to be gone", lambda: _gone(sides, stale=True), PARTING)
            self._synchronise(sides, task, limits)
            copied = self._counted(sides, limits)
            limits.until("what the pass made to be gone", lambda: _gone(sides), PARTING)
        except DoorError as error:
            _let_go(sides, error)
            raise
        notes.write(self._note(task), {"pass": str(task), **asdict(copied)})
        return copied

    def let_go(self, task: Pass, deadline: float, going: Going) -> None:
        """Delete what a dead run has left of its passes on either side, and wait until VolSync's own is gone, too."""
        sides = {side: Traces(self._ends.clusters[side], task) for side in Side}
        limits = Limits(f"volsync (letting go of {task.claim})", self._ends.clock, deadline, going)
        limits.until("what passes have left to be gone", lambda: _gone(sides))

    def _synchronise(self, sides: Mapping[Side, Traces], task: Pass, limits: Limits) -> None:
        """Have green listen, let blue send, and wait until both say that it was for this pass."""
        blue, green = sides[Side.BLUE], sides[Side.GREEN]
        green.make(GROUP, DESTINATION, destination(task.claim, str(task), self._spec))
        at = limits.until(
            "green's address and key in the ReplicationDestination's status",
            lambda: _listening(green),
            ADDRESS,
        )
        secret = key(task.claim, at.key)
        sender = source(task.claim, str(task), self._spec, address=at.address, port=at.port)
        if blue.differs("", "Secret", secret) or blue.differs(GROUP, SOURCE, sender):
            # made for a listener that is gone: by its key, or at its address, nobody lets blue in
            gone = "what was made for an earlier listener to be gone"
            limits.until(gone, lambda: _gone({Side.BLUE: blue}), PARTING)
        blue.make("", "Secret", secret)
        blue.make(GROUP, SOURCE, sender)
        limits.until(
            "status.lastManualSync of both ends to be this pass",
            lambda: _synchronised(blue, SOURCE) and _synchronised(green, DESTINATION),
        )

    def _counted(self, sides: Mapping[Side, Traces], limits: Limits) -> Copied:
        """Count blue, and then on green with the very files that blue's sample is of."""
        here, sums = self._count(sides[Side.BLUE], limits, None)
        there, found = self._count(sides[Side.GREEN], limits, sums)
        limits.tell(there)
        return Copied(here, there, sums, found)

    def _count(self, side: Traces, limits: Limits, paths: Sample | None) -> tuple[Amount, Sample]:
        claim, name = side.task.claim, side.cluster.side.value
        beside = user_of(claim, side.pods())
        body = pod(claim, self._spec, side.task.phase, paths=paths, beside=beside, deadline=limits.left())
        side.make("", "Pod", body)

        def look() -> tuple[Amount, Sample] | None:
            seen = side.get("", "Pod")
            if seen is None:
                raise Refused(f"the pod that counts {claim} on {name} was deleted by somebody")
            return counted(seen, name)

        return limits.until(f"the pod that counts on {name}", look)

    def _note(self, task: Pass) -> Path:
        # in a folder of its own: a claim's name may have dots, and a program's note must not be taken for this one
        return self._ends.directory / KIND / f"{task.claim.namespace}.{task.claim.name}.json"


def make(spec: MoverSpec, ends: Ends) -> VolSyncMover:
    """Make this kind's side of the door."""
    assert spec.volsync is not None  # the file's check has seen to it
    return VolSyncMover(spec.volsync, ends)


@dataclass(frozen=True)
class _Listening:
    """Where green's mover listens, and the key by which it lets in; never to be printed."""

    address: str
    port: int | None
    key: str

    def __repr__(self) -> str:
        return f"_Listening({self.address})"


def _require(sides: Mapping[Side, Traces], task: Pass) -> None:
    """Raise Refused where VolSync is not served, or there are no files that could be counted."""
    for side, traces in sides.items():
        if not all(traces.serves(GROUP, kind) for kind in (SOURCE, DESTINATION)):
            raise Refused(f"{side} does not serve {API_VERSION}: {INSTALL}. Nothing was copied.")
        if dig(traces.claim(), "spec", "volumeMode") == "Block":
            raise Refused(
                f"{task.claim} is a block device on {side}, whose files nobody can count: have a program copy it"
            )


def _listening(green: Traces) -> _Listening | None:
    status = dig(_standing(green, DESTINATION), "status", "rsyncTLS", default={})
    address, name = status.get("address"), status.get("keySecret")
    secret = green.get("", "Secret", name) if address and name else None
    value = dig(secret or {}, "data", KEY)
    return _Listening(address, status.get("port"), value) if value else None


def _synchronised(side: Traces, kind: str) -> bool:
    """Whether one end has done this very pass; raises Refused, with the end of its log, where its mover failed."""
    status = _standing(side, kind).get("status") or {}
    latest = status.get("latestMoverStatus") or {}
    if latest.get("result") == "Failed":
        lines = str(latest.get("logs", "")).splitlines()[-_LINES:]
        shown = "\n  ".join("".join(c for c in line if c.isprintable()) for line in lines)[-_SHOWN:]
        raise Refused(f"VolSync's mover on {side.cluster.side} failed: {shown or 'it has left no log'}")
    return bool(status.get("lastManualSync") == str(side.task))


def _standing(side: Traces, kind: str) -> Object:
    found = side.get(GROUP, kind)
    if found is None:
        raise Refused(f"the {kind} for {side.task.claim} on {side.cluster.side} was deleted by somebody")
    return found


def _gone(sides: Mapping[Side, Traces], *, stale: bool = False) -> bool:
    """Ask for what was made to go until nothing is left; raises Transient with what is, Refused where a side says no."""
    left, failed = _ask_to_go(sides, stale=stale)
    if any(isinstance(error, Refused) for error in failed):
        raise Refused("; ".join(left))
    if left:
        raise Transient("; ".join(left))
    return True


def _let_go(sides: Mapping[Side, Traces], error: DoorError) -> None:
    """Take away what a pass made that came to nothing; nobody waits for it, the next pass does."""
    left, failed = _ask_to_go(sides)
    if failed:
        raise Refused(f"{error}; and of what was made for it there stands: {'; '.join(left)}") from error


def _ask_to_go(
    sides: Mapping[Side, Traces], *, stale: bool = False
) -> tuple[Sequence[str], Sequence[DoorError]]:
    """What still stands, as far as that is known, and what went wrong; a side that fails keeps no other from being asked."""
    left, failed = list[str](), list[DoorError]()
    for traces in sides.values():
        try:
            left += traces.remove(stale=stale)
        except DoorError as error:
            failed.append(error)
            left.append(
                f"whatever is called {copy_name(traces.task.claim)} on {traces.cluster.side}: {error}"
            )
    return left, failed

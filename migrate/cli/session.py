"""A run from its migration file to its journal: compose, compare, lock, drive."""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from migrate import __version__, assess
from migrate.actions.lease import BlueLease
from migrate.actions.registry import handlers
from migrate.cli.begun import open_journal, plan_begun, whoami
from migrate.cli.project import Project
from migrate.cli.wiring import SystemClock, Wired
from migrate.doors.clock import Clock
from migrate.doors.reading import read_inventory
from migrate.engine import journal as journals
from migrate.engine import lock as locks
from migrate.engine.acting import Acting
from migrate.engine.bodies import Bodies
from migrate.engine.delays import Delays
from migrate.engine.events import Event, Tell
from migrate.engine.journal import Journal
from migrate.engine.runner import Runner, Until
from migrate.engine.signals import Interrupted, Stop, listening
from migrate.engine.step import Scene
from migrate.errors import (
    CnimigrateError,
    DoorError,
    FailedMidway,
    ForeignObject,
    OutcomeUnknown,
    PlanMismatch,
    StateNotWritable,
    StoppedAtBorder,
    UsageError,
)
from migrate.model import marks
from migrate.model.action import State
from migrate.model.entry import Draft, EntryKind
from migrate.model.facts import ClusterFacts
from migrate.model.ids import RunId
from migrate.model.migration import GateSpec
from migrate.model.objects import annotations_of, name_of
from migrate.model.plan import Plan
from migrate.model.progress import Progress
from migrate.planning import compose as composing
from migrate.steps.provision_green import IDENTITY
from migrate.steps.registry import STEPS, planned_steps
from migrate.steps.sides import Glance, blue_seen, keep


@dataclass(frozen=True, slots=True)
class Session:
    """An open run: its scene, its writer, its Plan and its shared lock."""

    scene: Scene
    acting: Acting
    plan: Plan
    journal: Journal
    lease: locks.SharedLock

    def run(self, until: Until | None, gates: Mapping[str, GateSpec | None], *, wait: bool = False) -> bool:
        """Drive the Plan; True when all of it is done."""
        delays = Delays((self.scene.doors.blue, self.scene.doors.green))
        return Runner(self.scene, STEPS, self.acting, gates, wait=wait, delays=delays).run(self.plan, until)

    def rehearse(self) -> None:
        """Drive the Plan to its end with every gate open, as only simulated clusters may be."""
        self.run(None, dict.fromkeys(composing.gate_specs(self.scene.migration.gates), GateSpec(mode="auto")))


def compose(project: Project, wired: Wired) -> Plan:
    """Compose the Plan from the file and from what blue says now; refuses a blue without a route to Calico."""
    return composed_glancing(project, wired)[0]


def composed_glancing(project: Project, wired: Wired) -> tuple[Plan, Glance]:
    """The same, and what was read of blue for the first step of a session that begins now: all of blue is in memory."""
    blue = blue_seen(wired.doors)
    _same_blue(project, wired, blue.facts)
    return composed_of(project, wired, blue.facts), Glance(blue)


def composed_of(project: Project, wired: Wired, blue: ClusterFacts) -> Plan:
    """Compose the Plan from the file and from facts of blue that were read already."""
    assess.require_route(blue.cnis, project.migration.blue.cni)
    green_uid = ""
    provisioner = wired.doors.provisioner
    if not provisioner.makes and provisioner.observe().state is State.DONE:
        green_uid = wired.doors.green.identity().uid
    batch = composing.batch_of(project.migration)
    return composing.compose(
        project.written, planned_steps(batch), blue, green_uid=green_uid, digests=wired.digests
    )


def _same_blue(project: Project, wired: Wired, blue: ClusterFacts) -> None:
    """Refuse another blue than the journal's before its CNI is judged: the wrong cluster may have none at all."""
    if not project.journal.exists():
        return
    begun = plan_begun(project, wired.doors.clock)
    if begun is not None and begun.identity.get("blue") != blue.uid:
        message = f"blue is another cluster now (kube-system UID {blue.uid}, the journal has another)"
        raise PlanMismatch(message, remedy="Give the kubeconfig of the blue that this run began with.")


def begun_plan(project: Project, wired: Wired) -> Plan:
    """The journalled Plan, for going back: only the clusters must be the same, whatever became of file and facts."""
    begun = plan_begun(project, wired.doors.clock)
    if begun is None:
        message = f"{project.written.name} was begun, but nothing was composed: there is nothing to take back"
        raise UsageError(message)
    if begun.identity.get("blue") != wired.doors.blue.identity().uid:
        message = "blue is another cluster than the one that this run began with"
        raise PlanMismatch(message, remedy="Give the kubeconfig of that blue.")
    return begun


@contextmanager
def session(
    project: Project,
    wired: Wired,
    tell: Tell,
    plan: Plan | None = None,
    *,
    blue: Glance | None = None,
    deletions: int = 0,
) -> Iterator[Session]:
    """Hold the lock, open or begin the journal, take the Lease; gives the Lease back at every orderly end.

    `blue` is what the Plan was composed from, for the first step to begin with where it still holds. So many
    `deletions` on green a person has accepted for this session.
    Raises LockHeld, PlanMismatch, JournalDamaged, ForeignObject, StateNotWritable.
    """
    project.make_state()
    clock = wired.doors.clock
    composed, glance = (plan, blue) if plan is not None else composed_glancing(project, wired)
    here = {**whoami(), "since": clock.now().isoformat(timespec="seconds")}
    with locks.held(project.lock, here):
        journal, progress = _begin_or_open(project, wired, composed)
        with journal:
            agreed = composing.agree(progress.plan, composed) if progress.plan else composed
            same_green(progress, wired)
            epoch = journal.take_over()
            stop = Stop(lambda name: _stopping(clock, tell, name))
            who = f"{here['user']}@{here['host']}:{here['pid']}"
            lease = BlueLease(wired.doors.blue, clock, project.written.name, progress.run, who, _is_dead)
            lease.acquire(epoch, journal.head()[1])
            scene = Scene(
                project.migration,
                wired.doors,
                progress,
                progress.run,
                journal.key,
                composing.batch_of(project.migration),
                project.state,
                Bodies(),
                wired.calico,
                accepted_deletions=deletions,
            )
            if glance is not None:
                keep(scene, glance)
            acting = Acting(journal, progress, handlers(scene, lease, stop, tell), lease, stop, tell)
            acting.write(
                [Draft(EntryKind.RUNNER, {**here, "event": "came", "epoch": epoch, "tool": __version__})]
            )
            with listening(stop):
                yield from _guarded(Session(scene, acting, agreed, journal, lease), lease)


def _is_dead(holder: str) -> bool:
    """Whether a Lease's holder, as `user@host:pid`, was a process of this machine that is gone (or this very one)."""
    rest, _, pid = holder.rpartition(":")
    if rest.rpartition("@")[2] != socket.gethostname() or not pid.isdigit():
        return False
    return int(pid) == os.getpid() or not Path(f"/proc/{pid}").exists()


def _guarded(opened: Session, lease: BlueLease) -> Iterator[Session]:
    """Turn a second signal into its exit code, and give the Lease back whenever the runner is still itself."""
    try:
        yield opened
    except (OSError, sqlite3.Error) as error:
        # a file of this machine, not a cluster: a handler turns a door's failures into outcomes
        raise _broken(opened, error) from error
    except Interrupted as signal:
        opened.acting.refresh()
        if opened.scene.progress.in_doubt():
            message = f"stopped at once ({signal}) in the middle of an act"
            raise OutcomeUnknown(
                message, remedy="Run the same command: it looks before it acts again."
            ) from None
        message = f"stopped at once ({signal}); nothing is half done"
        raise StoppedAtBorder(message, remedy="Run the same command to go on.") from None
    finally:
        with suppress(DoorError, CnimigrateError, OSError, sqlite3.Error):
            opened.acting.write([Draft(EntryKind.RUNNER, {**whoami(), "event": "left"})])
        with suppress(DoorError, CnimigrateError, OSError):
            lease.release()


def _broken(opened: Session, error: OSError | sqlite3.Error) -> CnimigrateError:
    """What a full or lost disk ends the run with: 30 before the first act, 32 after it."""
    begun = any(True for _ in opened.scene.progress.intents())
    kind = FailedMidway if begun else StateNotWritable
    message = f"a file in {opened.scene.state} could not be read or written: {error}"
    return kind(
        message,
        remedy="Make room or mend the disk, then run the same command: it looks before it acts again.",
    )


def _stopping(clock: Clock, tell: Tell, name: str) -> None:
    """Say that a signal was heard, and wake whoever sleeps."""
    if isinstance(clock, SystemClock):
        clock.wake()
    # a signal that falls into the middle of a line being printed may not print (the stream refuses); it is heard
    with suppress(RuntimeError):
        tell(Event("stopping", f"{name}: stopping at the next safe border; once more stops at once"))


def _begin_or_open(project: Project, wired: Wired, plan: Plan) -> tuple[Journal, Progress]:
    if project.journal.exists():
        journal, progress = open_journal(project, wired.doors.clock)
        if progress.plan is not None:
            return journal, progress
    else:
        _refuse_forgotten(project, wired)
        journal, progress = journals.create(project.journal, wired.doors.clock), Progress()
    run = RunId(secrets.token_hex(8))
    begun = {"run": run, "migration": project.written.name, "tool": __version__}
    progress.feed(
        journal.append([Draft(EntryKind.RUN, begun), Draft(EntryKind.REVISION, {"plan": plan.as_json()})])
    )
    return journal, progress


def _refuse_forgotten(project: Project, wired: Wired) -> None:
    """Stop where green carries the marks of a run whose journal is not here."""
    if wired.doors.provisioner.observe().state is not State.DONE:
        return
    namespaces = read_inventory(wired.doors.green, only=[("", "Namespace")]).of("Namespace")
    marked = [n for n in namespaces if marks.RUN in annotations_of(n)]
    if marked:
        run = annotations_of(marked[0])[marks.RUN]
        message = (
            f"green carries the marks of run {run} (namespace {name_of(marked[0])}), "
            f"but there is no journal of it in {project.state}"
        )
        raise ForeignObject(
            message, remedy="Give the state directory of that run: --state DIR; or begin with a fresh green."
        )


def same_green(progress: Progress, wired: Wired) -> None:
    """Refuse a green that is not the one this run made."""
    pinned = progress.recorded(IDENTITY).get("uid")
    if pinned is None or wired.doors.provisioner.observe().state is not State.DONE:
        return
    found = wired.doors.green.identity().uid
    if found != pinned:
        message = f"green is another cluster now (kube-system UID {found}, the journal has {pinned})"
        raise PlanMismatch(message, remedy="Give the kubeconfig of the green that this run made.")

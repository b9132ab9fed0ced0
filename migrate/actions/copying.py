"""Have a claim's data copied, and judge what the mover counted: an empty target is a failure."""

from __future__ import annotations

from migrate.actions.one_by_one import OneByOne
from migrate.actions.reach import named
from migrate.doors.mover import Amount, Copied, Mover, Pass, Phase, Sample
from migrate.engine.events import Event, Tell
from migrate.engine.signals import Stop
from migrate.errors import DoorError
from migrate.model.action import Action, Observation, Outcome, OutcomeState, State
from migrate.model.ids import ActionKey, RunId
from migrate.model.objects import Ref

AGAIN = "Mend it, then run the same command: the mover is asked again, and goes on where it can. Blue's data is untouched."


def copying(claim: Ref, phase: Phase, *, attempt: int, deadline: float) -> Action:
    """Copy a claim's data from blue to green; the way back is that of green's claim, blue's data stays as it is."""
    params = {"claim": claim.as_json(), "phase": phase, "attempt": attempt}
    return Action("copy", copying_key(claim, phase), params, deadline=deadline)


def copying_key(claim: Ref, phase: Phase) -> ActionKey:
    """The key of the Action that copies a claim's data."""
    return ActionKey(f"copy {phase} {named(claim)}")


class Copy(OneByOne):
    """Ask the mover, one claim after the other; whatever was cut off is begun again, or found done.

    Nothing is read before: what lies on green's volume is the mover's to know.
    """

    def __init__(self, mover: Mover, run: RunId, tell: Tell, stop: Stop) -> None:
        self._mover = mover
        self._run = run
        self._tell = tell
        self._stop = stop

    def observe(self, action: Action) -> Observation:
        """Ask the mover whether the very pass was done; one that came to nothing is done again."""
        task = self._task(action)
        copied = self._mover.observe(task)
        if copied is None or judged(task, copied).state is not OutcomeState.DONE:
            return Observation(State.ABSENT, evidence=f"{task.claim}: the {task.phase} pass is not done")
        return Observation(State.DONE, evidence=judged(task, copied).evidence)

    def _task(self, action: Action) -> Pass:
        params = action.params
        return Pass(self._run, params["phase"], Ref.of_json(params["claim"]), params["attempt"])

    def do(self, action: Action) -> Outcome:
        """Copy, and judge by what was counted on both ends."""
        task, told = self._task(action), list[str]()

        def going(seen: Amount | None) -> bool:
            if seen is not None and str(seen) not in told:
                told[:] = [str(seen)]
                self._tell(Event("copying", f"{task.claim}: {seen} copied by the {task.phase} pass"))
            return not self._stop.asked

        try:
            copied = self._mover.copy(task, action.deadline, going)
        except DoorError as error:
            if self._stop.asked:
                return Outcome(OutcomeState.ABSENT, f"stopped while copying {task.claim}")
            return Outcome(OutcomeState.FAILED, f"copying {task.claim}: {error}", AGAIN)
        if more := _more(task, copied):
            self._tell(Event("copying", f"{task.claim}: {more}"))
        return judged(task, copied)


def judged(task: Pass, copied: Copied) -> Outcome:
    """Done where green's volume has what blue's has; while blue's writers are at work, where it has something of it."""
    source, target = copied.source, copied.target
    said = f"{task.claim}: {target} on green, {source} on blue"
    wrong = _wrong(task, source, target) or _other(task, copied.source_sample, copied.target_sample)
    if wrong:
        return Outcome(
            OutcomeState.FAILED, f"{said}: green's volume {wrong} after the {task.phase} pass", AGAIN
        )
    facts = {"bytes": target.bytes, "files": target.files}
    told = "".join(f"; {words}" for words in (_sampled(task, copied), _more(task, copied)) if words)
    return Outcome(OutcomeState.DONE, f"{said}, after the {task.phase} pass{told}", facts=facts)


def _wrong(task: Pass, source: Amount, target: Amount) -> str:
    """What is wrong with green's volume; empty where nothing is.

    Bytes are those of contents, not of blocks: so holes in sparse files, and file systems that differ, change nothing.
    """
    if _any(source) and (not _any(target) or (source.bytes and not target.bytes)):
        return "is empty"
    if task.phase != "final":
        return ""
    if target.files < source.files:
        return f"lacks {source.files - target.files} files"
    if target.bytes < source.bytes:
        return f"lacks {source.bytes - target.bytes} bytes"
    return ""


def _other(task: Pass, source: Sample, target: Sample) -> str:
    """Which of the files that were sampled are not the same on green; while blue's writers are at work, none is judged.

    A file that was sampled on green alone counts, too: then the two samples are not of the same files, and prove nothing.
    """
    if task.phase != "final":
        return ""
    if wrong := sorted(
        path for path in source.keys() | target.keys() if source.get(path) != target.get(path)
    ):
        return f"has other contents than blue's in {len(wrong)} of the files sampled, {wrong[0]!r} first,"
    return ""


def _sampled(task: Pass, copied: Copied) -> str:
    """What the checksums add, where there are any and they were judged."""
    number = len(copied.source_sample)
    return f"{number} files have blue's SHA-256" if number and task.phase == "final" else ""


def _more(task: Pass, copied: Copied) -> str:
    """What green's volume has beyond blue's when nobody writes to either: what was deleted would come to life again."""
    more = copied.target.files - copied.source.files
    if task.phase != "final" or more <= 0:
        return ""
    return f"{more} files more than on blue: deletions there were not carried over, see what they are before green writes"


def _any(amount: Amount) -> bool:
    return bool(amount.bytes or amount.files)

"""What a mover counted is judged: green's writer starts on no less than blue's had."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate.actions.copying import Copy, copying, judged
from migrate.doors.mover import Amount, Copied, Going, Pass
from migrate.engine.events import Event
from migrate.engine.signals import Stop
from migrate.model.action import OutcomeState, State
from migrate.model.ids import RunId
from migrate.model.objects import Ref

CLAIM = Ref("", "PersistentVolumeClaim", "shop", "data")
FINAL = Pass(RunId("run-1"), "final", CLAIM, 1)
WARM = replace(FINAL, phase="warm")
MUCH = Amount(734003200, 5120)
DISK = Amount(734003200, 0)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (MUCH, Amount(0, 0), "is empty"),
        (MUCH, Amount(0, 5120), "is empty"),
        (MUCH, Amount(5120, 5120), "lacks 733998080 bytes"),
        (MUCH, replace(MUCH, bytes=MUCH.bytes - 1), "lacks 1 bytes"),
        (MUCH, replace(MUCH, files=5119), "lacks 1 files"),
        (MUCH, Amount(4096, 5121), "lacks 733999104 bytes"),
        (DISK, Amount(4096, 0), "lacks 733999104 bytes"),
    ],
)
def test_less_than_blue_has_is_a_failure(source: Amount, target: Amount, said: str) -> None:
    """In bytes as in files, of file systems as of block devices: as many files may each be cut short."""
    outcome = judged(FINAL, Copied(source, target))
    assert outcome.state is OutcomeState.FAILED
    assert f"green's volume {said} after the final pass" in outcome.evidence


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (MUCH, MUCH),
        (DISK, DISK),
        (DISK, Amount(DISK.bytes * 2, 0)),
        (Amount(0, 0), Amount(0, 0)),
        (Amount(0, 3),) * 2,
    ],
)
def test_as_much_as_blue_has_is_done(source: Amount, target: Amount) -> None:
    """Also where there is nothing, or nothing in the files; and a block device of green's may be larger."""
    assert judged(FINAL, Copied(source, target)).state is OutcomeState.DONE


def test_a_warm_pass_may_lack_what_came_meanwhile() -> None:
    """Blue's writers are at work: only an empty volume is a failure."""
    assert judged(WARM, Copied(MUCH, Amount(1, 1))).state is OutcomeState.DONE
    assert judged(WARM, Copied(MUCH, Amount(0, 0))).state is OutcomeState.FAILED


SUMS = {"a": "a" * 64, "b": "b" * 64}


@pytest.mark.parametrize(
    ("there", "wrong"),
    [
        ({"a": "a" * 64, "b": "c" * 64}, "1 of the files sampled, 'b'"),
        ({"a": "a" * 64}, "1 of the files sampled, 'b'"),
        ({}, "2 of the files sampled, 'a'"),
        ({**SUMS, "c": "c" * 64}, "1 of the files sampled, 'c'"),
    ],
    ids=["differs", "missing", "none", "on green alone"],
)
def test_a_sample_that_is_not_the_same_on_green_comes_short(there: dict[str, str], wrong: str) -> None:
    """As many files of the same length may hold something else; which they are is said."""
    outcome = judged(FINAL, Copied(MUCH, MUCH, SUMS, there))
    assert outcome.state is OutcomeState.FAILED
    assert f"other contents than blue's in {wrong}" in outcome.evidence
    assert judged(WARM, Copied(MUCH, MUCH, SUMS, there)).state is OutcomeState.DONE


def test_a_sample_that_is_the_same_is_said() -> None:
    """Of how many files, after the pass that is judged by it; where none was taken nothing is claimed."""
    assert "; 2 files have blue's SHA-256" in judged(FINAL, Copied(MUCH, MUCH, SUMS, SUMS)).evidence
    for copied, task in ((Copied(MUCH, MUCH), FINAL), (Copied(MUCH, MUCH, SUMS, SUMS), WARM)):
        assert "SHA-256" not in judged(task, copied).evidence


class Counted:
    """A mover that answers with what it is given."""

    def __init__(self, copied: Copied) -> None:
        self.copied = copied

    def observe(self, task: Pass) -> Copied:
        """Every pass was done."""
        del task
        return self.copied

    def copy(self, task: Pass, deadline: float, going: Going) -> Copied:
        """Copy nothing."""
        del task, deadline, going
        return self.copied

    def let_go(self, task: Pass, deadline: float, going: Going) -> None:
        """Have left nothing."""


def test_files_that_blue_has_no_more_are_told() -> None:
    """They are no lack, but what was deleted on blue is there again on green."""
    told: list[Event] = []
    mover = Counted(Copied(MUCH, replace(MUCH, files=5123)))
    handler = Copy(mover, RunId("run-1"), told.append, Stop())
    (outcome,) = handler.act([copying(CLAIM, "final", attempt=1, deadline=60)])
    assert outcome.state is OutcomeState.DONE
    assert "3 files more than on blue: deletions there were not carried over" in outcome.evidence
    assert any("3 files more than on blue" in str(event) for event in told)


def test_a_pass_that_came_short_is_not_found_done() -> None:
    """A run that died asks whether the pass was done: the mover's word for it is judged by the same count."""
    handler = Copy(Counted(Copied(MUCH, Amount(5120, 5120))), RunId("run-1"), lambda _: None, Stop())
    assert handler.observe(copying(CLAIM, "final", attempt=1, deadline=60)).state is State.ABSENT

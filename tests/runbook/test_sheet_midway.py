"""The sheet of a move that stands in the middle: what has moved, what may have, and what has not yet."""

from __future__ import annotations

from dataclasses import replace

from migrate.actions.patch import patch
from migrate.actions.retain import POLICY
from migrate.model.action import Action
from migrate.model.entry import Entry, EntryKind
from migrate.model.ids import NO_BATCH, Side, StepId
from migrate.model.objects import Ref
from migrate.model.progress import Intent, Progress
from migrate.runbook import Source, render
from migrate.runbook.source import Origin

SHEET = "without-the-tool.md"


def midway(source: Source, *doubtful: Intent) -> str:
    """The sheet of a run that knows what is held, and of whose acts only these were begun, without an outcome."""
    progress = Progress()
    progress.feed(
        [
            Entry(
                seq,
                i.at,
                1,
                EntryKind.INTENT,
                i.batch,
                i.step,
                i.action.key,
                {"action": i.action.as_json()},
                "",
            )
            for seq, i in enumerate(doubtful, start=1)
        ]
    )
    return render(replace(source, progress=progress, rehearsal=None, origin=Origin.RUN))[SHEET]


def rests(source: Source) -> list[Intent]:
    """The acts that put blue's writers to rest."""
    return [i for i in source.acts() if _why(i.action) == "rest"]


def _why(action: Action) -> str:
    return str(action.params.get("why", "")) if action.kind == "patch" else ""


def test_what_is_in_doubt_is_taken_back_too(weave: Source) -> None:
    """A runner that died between intent and outcome may have put a writer to rest: the line that wakes it is there."""
    sheet = midway(weave, *rests(weave))
    assert "Nothing moves that runs only once" not in sheet
    note = '"metadata": {"annotations": {"cnimigrate.io/prior": null}}'
    assert (
        f'patch deployment.apps worker -n web --type merge -p \'{{{note}, "spec": {{"replicas": 1}}}}\''
        in sheet
    )


def test_what_has_not_moved_yet_is_named(weave: Source) -> None:
    """Before the writers' turn nothing is to be typed, but it is no move without writers."""
    sheet = midway(weave)
    assert "The journal knows of no move of these yet" in sheet
    assert "Deployment web/worker" in sheet
    assert "Nothing moves that runs only once" not in sheet


def test_volumes_that_are_kept_get_their_policy_again_last(weave: Source) -> None:
    """Apart from what wakes blue: with the former policy a claim deleted there would delete the disk that green uses."""
    volume = Ref("", "PersistentVolume", "", "pv-1")
    before = patch(Side.BLUE, volume, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}, why="keep")
    kept = replace(patch(Side.BLUE, volume, POLICY, why="keep"), inverse=before)
    line = """patch persistentvolume pv-1 --type merge -p '{"spec": {"persistentVolumeReclaimPolicy": "Delete"}}'"""
    first = rests(weave)[0]
    preparing = replace(first, batch=NO_BATCH, step=StepId("prepare.freeze"), action=kept)
    for where in (
        preparing,
        replace(first, action=kept),
    ):  # by the preparation, or by the writers' move itself
        sheet = midway(weave, where, *rests(weave))
        assert sheet.count(line) == 1
        assert sheet.index("may stay so: it loses nothing") < sheet.index(line)
        assert sheet.index("## 3. Leave alone") < sheet.index(line)
    assert "Retain" not in midway(weave, *rests(weave))


def test_a_move_without_writers_says_so(weave: Source) -> None:
    """Where nothing is held that must be off on blue first, there is nothing to bring back."""
    held = [each for each in weave.ledger["held"] if each["rest"] is None or each["early"]]
    assert "Nothing moves that runs only once." in midway(
        replace(weave, ledger={**weave.ledger, "held": held})
    )

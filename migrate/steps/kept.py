"""What is left to green's own GitOps: it is there before a wave rests on it, and nothing of it is this run's work."""

from __future__ import annotations

from migrate import replay
from migrate.actions.record import record
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.replay import drift, kept
from migrate.steps.anew import recorded_anew


def still_ours(scene: Scene, decisions: replay.Decisions, known: drift.Record) -> Batches:
    """Stop where GitOps has laid hold of what this run wrote, before anything more is: neither would bring it to its end."""
    verdict = kept.claimed(decisions, {*known.hashes, *known.merges})
    if not verdict.passed or scene.progress.of_key(f"record {kept.CLAIMED}"):
        yield from recorded_anew(scene, record(kept.CLAIMED, [verdict]))


def made_by_gitops(scene: Scene, decisions: replay.Decisions, *, since: int, until: int) -> Batches:
    """Record whether green's own GitOps has made what is left to it of the waves from `since` to before `until`.

    Nothing is waited for: what is lacking ends the run before the wave, and the next one looks again. Nothing is said
    where nothing is left to GitOps.
    """
    first = kept.needed_first(decisions, since, until)
    if first:
        only = {(d.ref.group, d.ref.kind) for d in first}
        green = read_inventory(scene.doors.green, only=only, needed=False, at=decisions.at)
        check = f"{kept.CHECK}, before wave {until}"
        yield from recorded_anew(scene, record(check, kept.judged(check, first, green)))

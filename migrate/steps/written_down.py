"""Green's comparison with blue as evidence: in a file before it is judged, and named to whoever approves."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.actions.evidence import evidence, place_of
from migrate.engine.step import Batches, Scene
from migrate.model.verdict import Verdict
from migrate.replay.parity_report import counts, report, summed
from migrate.steps.comparing import Compared

PARITY = "parity"
"""As `verify.green` found it."""

BEFORE_CUTOVER = "parity-before-cutover"
"""As the cutover began: of what this run wrote, and blue has not changed since."""


def written_down(scene: Scene, name: str, found: Compared, verdicts: Sequence[Verdict]) -> Batches:
    """Write the comparison down whole; the verdicts behind it spell out a few differences, and may end the run."""
    action = evidence(name, summed(counts(found.decisions, found.differences)))
    plan = scene.progress.plan
    document = {
        "schemaVersion": 1,
        "migration": scene.migration.name,
        "run": scene.run,
        "plan": plan.fingerprint if plan else "",
        "at": scene.doors.clock.now().isoformat(timespec="seconds"),
        "blue": scene.doors.blue.name,
        "green": scene.doors.green.name,
        **report(found.decisions, found.differences, verdicts),
    }
    scene.bodies.offer({action.key: document})
    yield [action]


def evidence_lines(scene: Scene) -> Sequence[str]:
    """What the verification came to and where it lies, for whoever approves; nothing of an older run's journal."""
    written = scene.progress.of_key(evidence(PARITY, "").key)
    if written is None or not written.stands:
        return ()
    said, place = written.action.params["said"], place_of(scene.state, written.action)
    return (f"green as verified: {said}; evidence: {place}",)

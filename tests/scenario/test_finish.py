"""The finish takes away what this run wrote, and nothing of another move's; what it may not change it tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from migrate.actions.notes import left
from migrate.cli.app import main
from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import Forbidden
from migrate.model import marks
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource, annotations_of, controller_of, kind_of, name_of
from migrate.simulation.faults import Fuse, Killed
from migrate.steps.unnoting import CHECK
from tests.scenario.endings import bodies
from tests.scenario.hands import CONFIG_MAPS, DEPLOYMENTS, created, patched
from tests.scenario.looks import Watching
from tests.scenario.moves import Death, Life, copied, everything, progress_of, roll_back_to, run, world_of

SETS = Resource("apps", "v1", "replicasets", "ReplicaSet", namespaced=True)

NOTE = {marks.PRIOR: '{"spec": {"replicas": 7}}'}
"""What an earlier move has said of an object."""


def said(*annotations: tuple[str, str]) -> dict[str, Any]:
    """The patch that writes annotations."""
    return {"metadata": {"annotations": dict(annotations)}}


def noted_by_us(project: Project) -> str:
    """Move to the end of soak, and have our note on what blue's controller made of the worker; the ReplicaSet's name."""
    run(project, Life(until=Until(phase=Phase.SOAK)))
    with world_of(project) as world:
        blue = list(bodies(world, Side.BLUE))
    (worker,) = (o for o in blue if (kind_of(o), name_of(o)) == ("Deployment", "worker"))
    (made,) = (name_of(o) for o in blue if (controller_of(o) or {}).get("uid") == worker["metadata"]["uid"])
    note = annotations_of(worker)[marks.PRIOR]
    patched(project, Side.BLUE, SETS, f"back/{made}", said((marks.PRIOR, note)))
    return made


def ours(project: Project, side: Side) -> dict[str, dict[str, str]]:
    """The annotations with our prefix that stand on a side, by kind and name."""
    with world_of(project) as world:
        found = {
            f"{kind_of(o)} {name_of(o)}": {k: v for k, v in annotations_of(o).items() if marks.is_ours(k)}
            for o in bodies(world, side)
        }
    return {name: kept for name, kept in found.items() if kept}


def verdict(project: Project) -> str:
    """What the finish said of blue's notes."""
    intent = progress_of(project).of_key(f"record {CHECK}")
    assert intent is not None
    assert intent.outcome is not None
    return intent.outcome.evidence


def test_an_earlier_moves_notes_stay(project: Project) -> None:
    """On blue only our note goes, of what we patched and of the copy: nothing else that has the same prefix."""
    made = noted_by_us(project)
    patched(project, Side.BLUE, DEPLOYMENTS, "shop/web", {"metadata": {"annotations": NOTE}})
    patched(project, Side.BLUE, DEPLOYMENTS, "back/worker", said((marks.PASS, "an earlier one")))
    assert f"ReplicaSet {made}" in ours(project, Side.BLUE)
    assert run(project)
    assert ours(project, Side.BLUE) == {
        "Deployment web": NOTE,
        "Deployment worker": {marks.PASS: "an earlier one"},
    }
    assert verdict(project) == "nothing on blue carries this run's notes"


def test_another_runs_marks_stay_on_green(project: Project) -> None:
    """What it made there it takes back by them; ours go, and the finish is done."""
    noted_by_us(project)
    theirs = {marks.RUN: "another", marks.SOURCE_UID: "u"}
    created(
        project,
        Side.GREEN,
        CONFIG_MAPS,
        "default/theirs",
        metadata={"name": "theirs", "namespace": "default", "annotations": theirs},
    )
    assert run(project)
    assert ours(project, Side.GREEN) == {"ConfigMap theirs": theirs}


class Unlisted(Fuse):
    """Refuses to list blue's ReplicaSets."""

    def around(self, words: str, call: Any) -> Any:
        """Make another call."""
        if words == "read blue replicasets.apps":
            message = "replicasets is forbidden"
            raise Forbidden(message, status=403)
        return call()


@contextmanager
def unchanged(project: Project) -> Iterator[None]:
    """Blue refuses to have its ReplicaSets changed."""
    with world_of(project) as world:
        world.failures.refuse(
            Side.BLUE, verb="patch", resource="replicasets.apps", error="forbidden", message="no right"
        )
    yield
    with world_of(project) as world:
        world.failures.forgive()


def test_the_finish_tells_which_copy_it_may_not_change(project: Project) -> None:
    """It is done all the same: a note that nobody reads is not worth a move that does not end."""
    made = noted_by_us(project)
    with unchanged(project):
        assert run(project)
    assert ours(project, Side.BLUE).keys() == {f"ReplicaSet {made}"}
    assert f"our note stays on blue's ReplicaSet back/{made} (no right)" in verdict(project)
    assert f"kubectl annotate replicaset.apps {made} -n back cnimigrate.io/prior-" in verdict(project)


def test_the_finish_tells_which_copies_it_may_not_see(project: Project, tmp_path: Path) -> None:
    """Also when it was cut off behind the worker's own note: the next one looks, and tells the same."""
    noted_by_us(project)
    broken = copied(project, tmp_path / "broken")
    watch = Watching()
    assert run(copied(project, tmp_path / "whole"), Life(watch))
    at = watch.seen.index("write patch blue deployments.apps back/worker") + 1
    with pytest.raises(Killed):
        run(broken, Life(Death(at, after=True, only=everything)))
    for each in (project, broken):
        assert run(each, Life(Unlisted()))
        assert "our note may stay on what blue has made for Deployment back/worker" in verdict(each)
        assert "Deployment worker" not in ours(each, Side.BLUE)


def test_a_way_back_tells_what_it_could_not_clean(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Blue is as it was, the command ends well, and its last lines name the copy with the command that helps."""
    made = noted_by_us(project)
    with unchanged(project), suppress(SystemExit):
        main(["rollback", "--accept-data-loss", "-f", str(project.file)])
    out = capsys.readouterr().out
    assert f"our note stays on blue's ReplicaSet back/{made} (no right); take it away: kubectl" in out
    assert progress_of(project).steps_done == {}
    assert ours(project, Side.BLUE).keys() == {f"ReplicaSet {made}"}


def test_what_a_later_way_back_could_clean_is_told_no_more(project: Project) -> None:
    """The latest try counts."""
    noted_by_us(project)
    with unchanged(project):
        roll_back_to(project, Phase.VERIFY)
    assert len(left(progress_of(project))) == 1
    run(project, Life(until=Until(phase=Phase.SOAK)))
    roll_back_to(project, Phase.VERIFY)
    assert left(progress_of(project)) == {}
    assert ours(project, Side.BLUE) == {}

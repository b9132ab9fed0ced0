"""What changes on blue after it was replayed is told while blue is still the source, and never passes silently."""

from __future__ import annotations

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed, GateClosed
from migrate.model.ids import GateName, Side
from migrate.model.migration import GateSpec
from migrate.simulation.faults import Killed
from tests.scenario.endings import ending_of
from tests.scenario.hands import (
    CONFIG_MAPS,
    CRON_JOBS,
    DEPLOYMENTS,
    ROLES,
    SERVICES,
    created,
    deleted,
    once_done,
    patched,
    scaled_by_an_autoscaler,
)
from tests.scenario.looks import alive
from tests.scenario.moves import Death, Life, progress_of, run, world_of

WRITERS = Until(gate=GateName("before-writers"))
LACKING = r"not on green as they are on blue now: 1\n.*ConfigMap shop/new: new on blue"
SPEC = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": {
    "restartPolicy": "Never", "containers": [{"name": "main", "image": "example/new:1"}],
}}}}}  # fmt: skip


def at_the_writers(project: Project) -> None:
    """Bring a move to the gate before its writers."""
    assert not run(project, Life(until=WRITERS))


def test_what_green_lacks_is_named_before_the_writers_move(project: Project) -> None:
    """New, changed and gone: each is named, blue's writers go on, and the way on is said."""
    at_the_writers(project)
    created(project, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    created(project, Side.BLUE, CRON_JOBS, "back/new", spec=SPEC)
    patched(project, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"queue": "others"}})
    deleted(project, Side.BLUE, ROLES, "back/reader")
    with pytest.raises(CheckFailed) as caught:
        run(project)
    for said in (
        "ConfigMap shop/new: new on blue",
        "CronJob back/new: new on blue",
        "ConfigMap back/worker: changed on blue",
        "Role back/reader: gone from blue",
        "4 changed on blue since the replay",
    ):
        assert said in str(caught.value)
    assert "others" not in str(caught.value)
    assert "cnimigrate rollback --to verify" in caught.value.remedy
    with world_of(project) as world:
        assert alive(world, Side.BLUE)
        assert not alive(world, Side.GREEN)


def test_what_is_held_may_change_where_it_is_held(project: Project) -> None:
    """A held field is not in what was written; its change is found in how the ledger lets go of it."""
    at_the_writers(project)
    patched(project, Side.BLUE, DEPLOYMENTS, "back/worker", {"spec": {"replicas": 3}})
    with pytest.raises(CheckFailed, match=r"Deployment back/worker: changed on blue at spec\.replicas"):
        run(project)
    patched(project, Side.BLUE, DEPLOYMENTS, "back/worker", {"spec": {"replicas": 1}})
    assert run(project)


def test_the_cutover_does_not_begin_on_another_blue(project: Project) -> None:
    """What changes after the verification is told before any traffic moves; the next run brings it over."""
    labels = {"metadata": {"labels": {"team": "a"}}}
    tell = once_done("verify.routes", lambda: patched(project, Side.BLUE, SERVICES, "shop/api", labels))
    with pytest.raises(
        CheckFailed,
        match=r"cutover: .* 1 changed on blue .*Service shop/api: changed on blue at metadata\.labels",
    ) as caught:
        run(project, Life(tell=tell))
    assert progress_of(project).weights() == {}
    assert "Run again" in caught.value.remedy
    assert run(project)


def test_whoever_approves_the_cutover_sees_it(project: Project) -> None:
    """The gate's own words name what green lacks, and a run that comes by again brings it over."""
    approval = {"before-cutover": GateSpec(mode="approval")}
    new = once_done(
        "verify.routes", lambda: created(project, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    )
    with pytest.raises(GateClosed, match=LACKING):
        run(project, Life(tell=new, gates=approval))
    with pytest.raises(GateClosed) as closed:
        run(project, Life(gates=approval))
    assert "shop/new" not in str(closed.value)


def test_whoever_approves_the_writers_sees_it(project: Project) -> None:
    """Once the cutover has begun nothing is brought over any more; the gate's own words name what green lacks."""
    at_the_writers(project)
    created(project, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    with pytest.raises(GateClosed, match=LACKING):
        run(project, Life(gates={"before-writers": GateSpec(mode="approval")}))


def test_what_was_brought_to_green_by_hand_is_lacking_no_more(project: Project) -> None:
    """New, changed and gone, each done on green as it was on blue: the move goes on."""
    at_the_writers(project)
    for side in Side:
        created(project, side, CONFIG_MAPS, "shop/new", data={"a": "b"})
        created(project, side, CRON_JOBS, "back/new", spec=SPEC | {"suspend": side is Side.GREEN})
        patched(project, side, CONFIG_MAPS, "back/worker", {"data": {"queue": None, "lane": "fast"}})
        deleted(project, side, ROLES, "back/reader")
    assert run(project)


def test_what_blue_gave_up_is_a_change(project: Project) -> None:
    """A key that is gone from blue still stands on green: that does not pass for what green has beside."""
    at_the_writers(project)
    patched(project, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"queue": None, "lane": "fast"}})
    patched(project, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"lane": "fast"}})
    with pytest.raises(CheckFailed, match=r"ConfigMap back/worker: changed on blue at data\.queue"):
        run(project)


def test_a_writer_that_is_gone_is_told_before_its_twin_goes_off(project: Project) -> None:
    """What the run would release must stand on green, and what blue gave up must not be started there."""
    at_the_writers(project)
    deleted(project, Side.GREEN, DEPLOYMENTS, "back/worker")
    with pytest.raises(CheckFailed, match="Deployment back/worker: missing"):
        run(project)
    with world_of(project) as world:
        assert alive(world, Side.BLUE)
    deleted(project, Side.BLUE, DEPLOYMENTS, "back/worker")
    with pytest.raises(CheckFailed, match="Deployment back/worker: gone from blue"):
        run(project)


def test_status_and_what_an_autoscaler_decides_are_no_drift(project: Project) -> None:
    """A blue that is alive is not another blue."""
    scaled_by_an_autoscaler(project, "web")
    scaled_by_an_autoscaler(project, "api")
    at_the_writers(project)
    patched(project, Side.BLUE, DEPLOYMENTS, "shop/web", {"spec": {"replicas": 5}})
    patched(project, Side.BLUE, DEPLOYMENTS, "shop/api", {"spec": {"replicas": 4}})
    assert run(project)


def test_once_writers_have_moved_blue_is_asked_no_more(project: Project) -> None:
    """A run that was cut off between two writers goes on: what blue says now must not leave the work half off."""
    at_the_writers(project)
    with pytest.raises(Killed):
        run(
            project,
            Life(Death(1, after=True, only=lambda words: words.startswith("write patch blue deploy"))),
        )
    with world_of(project) as world:
        world.settle()
        assert not alive(world, Side.BLUE)
    created(project, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    assert run(project)


def test_a_green_that_was_mended_by_hand_is_no_drift_of_blue(project: Project) -> None:
    """What people changed on green during the ramp, so that it holds, is theirs."""
    at_the_writers(project)
    patched(project, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"queue": "mended"}})
    assert run(project)
    assert ending_of(project).open_intents == ()

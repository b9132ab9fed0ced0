"""What `verify.green` waits for, what it tells apart, and where it stops."""

from __future__ import annotations

import math

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, dig
from migrate.simulation.faults import Fuse
from tests.scenario.hands import (
    DEPLOYMENTS,
    Late,
    Spoil,
    once_done,
    patched,
    scaled_by_an_autoscaler,
)
from tests.scenario.moves import Life, progress_of, run, world_of

BUDGET = 600
"""Seconds of `verify.budget`, which the file leaves at its default."""


def verified(project: Project, fuse: Fuse | None = None) -> bool:
    """Run the verify phase, after all that comes before it; whether it is done."""
    run(project, Life(until=Until(phase=Phase.START)))
    run(project, Life(fuse or Fuse(), until=Until(phase=Phase.VERIFY)))
    return any(step == "verify.green" for _, step in progress_of(project).steps_done)


def now(project: Project) -> float:
    """The world's time, in seconds."""
    with world_of(project) as world:
        return world.clock().now().timestamp()


def unanswered(piece: Object) -> Object:
    """An EndpointSlice whose controller has not seen the pods yet."""
    return {**piece, "endpoints": []}


def unnetworked(node: Object) -> Object:
    """A node whose calico-node has not said yet that the network is up."""
    down = {"type": "NetworkUnavailable", "status": "True", "reason": "CalicoIsDown"}
    return {**node, "status": {**node["status"], "conditions": [down]}}


LATE = pytest.mark.parametrize(
    ("of", "spoil", "said", "remedy"),
    [
        (
            "green endpointslices.discovery.k8s.io",
            unanswered,
            "no Ready endpoint on green, but one on blue: shop/api, shop/web",
            "Compare the Service's selector",
        ),
        ("green nodes", unnetworked, "Calico is not up on green-1 (CalicoIsDown)", "look at calico-node"),
    ],
    ids=["endpoints", "calico"],
)


@LATE
def test_what_comes_late_is_waited_for(
    project: Project, of: str, spoil: Spoil, said: str, remedy: str
) -> None:
    """Endpoints and Calico's words follow the pods with some delay: a few looks later they are there."""
    del said, remedy
    assert verified(project, Late((of,), spoil, sleeps=3))


@LATE
def test_what_never_comes_fails_at_the_end_of_the_budget(
    project: Project, of: str, spoil: Spoil, said: str, remedy: str
) -> None:
    """Once `verify.budget` is over the check fails with what was seen and what to do, and the run goes on later."""
    run(project, Life(until=Until(phase=Phase.START)))
    began = now(project)
    with pytest.raises(CheckFailed) as caught:
        verified(project, Late((of,), spoil, sleeps=math.inf))
    assert said in str(caught.value)
    assert remedy in caught.value.remedy
    assert BUDGET <= now(project) - began < BUDGET + 60
    assert verified(project)


def test_a_service_without_endpoints_on_blue_needs_none_on_green(project: Project) -> None:
    """Blue's own state is the baseline: what did not answer there is no regression, and nobody waits for it."""
    pieces = "endpointslices.discovery.k8s.io"
    began = now(project)
    assert verified(project, Late((f"blue {pieces}", f"green {pieces}"), unanswered, sleeps=math.inf))
    assert now(project) - began < BUDGET


# --- what changes on blue between the start and the verification ---------------------------------------------------


def test_replicas_that_an_autoscaler_changes_are_no_difference(project: Project) -> None:
    """Green has the replicas that this run released; that blue's autoscaler wants others by now changes nothing."""
    scaled_by_an_autoscaler(project, "web")
    run(project, Life(until=Until(phase=Phase.START)))
    patched(project, Side.BLUE, DEPLOYMENTS, "shop/web", {"spec": {"replicas": 5}})
    assert verified(project)


def test_replicas_that_somebody_changes_on_green_are_one(project: Project) -> None:
    """An autoscaler of blue excuses blue's replicas, not green's."""
    scaled_by_an_autoscaler(project, "web")
    run(project, Life(until=Until(phase=Phase.START)))
    patched(project, Side.GREEN, DEPLOYMENTS, "shop/web", {"spec": {"replicas": 1}})
    with pytest.raises(CheckFailed, match=r"Deployment shop/web: differs at spec\.replicas"):
        verified(project)


def test_replicas_that_a_person_changes_are_a_difference(project: Project) -> None:
    """Without an autoscaler the replicas are what somebody wants: green is not what blue is now, until the next run."""
    five = {"spec": {"replicas": 5}}
    tell = once_done("start.serving", lambda: patched(project, Side.BLUE, DEPLOYMENTS, "shop/web", five))
    with pytest.raises(CheckFailed, match=r"Deployment shop/web: differs at spec\.replicas"):
        run(project, Life(tell=tell, until=Until(phase=Phase.VERIFY)))
    assert verified(project)


@pytest.mark.parametrize("autoscaled", [False, True])
def test_another_image_on_blue_is_told_as_another_state(project: Project, autoscaled: bool) -> None:
    """What people change on blue is told with its path, autoscaler or not."""
    if autoscaled:
        scaled_by_an_autoscaler(project, "web")
    with world_of(project) as world:
        web = world.cluster(Side.BLUE).get(DEPLOYMENTS, "web", "shop") or {}
    containers = [{**c, "image": "example/web:2"} for c in dig(web, "spec", "template", "spec", "containers")]
    body = {"spec": {"replicas": 5, "template": {"spec": {"containers": containers}}}}
    tell = once_done("start.serving", lambda: patched(project, Side.BLUE, DEPLOYMENTS, "shop/web", body))
    with pytest.raises(CheckFailed, match=r"Deployment shop/web: written from another state at .*image"):
        run(project, Life(tell=tell, until=Until(phase=Phase.VERIFY)))
    assert verified(project)

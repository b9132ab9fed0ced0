"""What a client comes in by opens on green before its probe; nobody else learns of it before the traffic has moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import GateClosed
from migrate.model.ids import GateName, Phase, Side
from migrate.model.marks import PARKED_CLASS
from migrate.model.objects import Resource, dig
from migrate.steps.ledger import read_ledger
from tests.scenario.hands import DEPLOYMENTS, SERVICES, created, patched
from tests.scenario.moves import FILE, Life, entries_of, progress_of, roll_back_to, run, seeded, world_of
from tests.scenario.turns import INGRESSES, acts, first

DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet", namespaced=True)
PORTS = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
TO_WEB = {"service": {"name": "web", "port": {"number": 80}}}
DNS = """\
  start: [{namespace: back, name: dns}, {namespace: shop}]
"""


def behind_an_ingress(directory: Path, text: str = FILE) -> Project:
    """A move whose only route leads through an Ingress."""
    project = seeded(directory, text)
    patched(project, Side.BLUE, SERVICES, "shop/web", {"spec": {"type": "ClusterIP", "ports": PORTS}})
    created(project, Side.BLUE, INGRESSES, "shop/web", spec={"defaultBackend": TO_WEB})
    return project


def class_of(project: Project, side: Side = Side.GREEN) -> Any:
    """The class of the Ingress."""
    with world_of(project) as world:
        return dig(world.cluster(side).get(INGRESSES, "web", "shop"), "spec", "ingressClassName")


def test_a_route_through_an_ingress_is_probed_and_ramped(tmp_path: Path) -> None:
    """Green's Ingress is let go of before the probe, at weight 0, after what it leads to; the way back parks it first."""
    project = behind_an_ingress(tmp_path / "move")
    assert run(project)
    started = [i.action.key for i in progress_of(project).intents() if i.step == "start.serving"]
    assert first(started, "Deployment", "shop/web") < first(started, "Ingress", "shop/web")
    assert not [key for key in acts(project) if "Ingress" in key]
    with world_of(project) as world:
        assert world.counters()["shop"]["failed"] == 0


def test_the_way_back_parks_it_before_what_it_leads_to_rests(tmp_path: Path) -> None:
    """Back before the start green answers nobody, in the order in which a client would notice least."""
    project = behind_an_ingress(tmp_path / "move")
    assert not run(project, Life(until=Until(phase=Phase.VERIFY)))
    assert class_of(project) is None
    roll_back_to(project, Phase.REPLAY)
    assert class_of(project) == PARKED_CLASS
    back = [i.action.key for i in progress_of(project).intents() if i.undoes and i.step == "start.serving"]
    assert first(back, "Ingress", "shop/web") < first(back, "Deployment", "shop/web")
    assert run(project)


def test_a_load_balancer_without_an_address_of_its_own_opens_too(tmp_path: Path) -> None:
    """Green's gets another address; a route that leads through it is probed there."""
    project = seeded(tmp_path / "move")
    patched(project, Side.BLUE, SERVICES, "shop/web", {"spec": {"type": "LoadBalancer"}})
    assert not run(project, Life(until=Until(phase=Phase.VERIFY)))
    with world_of(project) as world:
        green = world.cluster(Side.GREEN).get(SERVICES, "web", "shop")
    assert dig(green, "spec", "type") == "LoadBalancer"
    assert run(project)


def test_beside_who_would_publish_it_it_stays_shut_until_the_switch(tmp_path: Path) -> None:
    """With external-dns on green by the operator's word the route is switched, and the gate says why."""
    project = behind_an_ingress(tmp_path / "move", FILE + DNS)
    pod = {
        "metadata": {"labels": {"app": "dns"}},
        "spec": {"containers": [{"name": "a", "image": "example/external-dns:1"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "dns"}}, "template": pod}
    created(project, Side.BLUE, DEPLOYMENTS, "back/dns", spec=spec)
    assert not run(project, Life(until=Until(phase=Phase.VERIFY)))
    assert class_of(project) == PARKED_CLASS
    assert run(project)
    found = acts(project)
    assert class_of(project) is None
    assert first(found, "Ingress", "release") < first(found, "weight shop 100")
    with world_of(project) as world:
        assert world.counters()["shop"]["failed"] == 0


def test_greens_own_publisher_keeps_it_shut_as_well(tmp_path: Path) -> None:
    """An external-dns that came with green would make a record of the Ingress as soon as it has an address."""
    project = behind_an_ingress(tmp_path / "move")
    assert not run(project, Life(until=Until(phase=Phase.BUILD)))
    pod = {
        "metadata": {"labels": {"app": "dns"}},
        "spec": {"containers": [{"name": "a", "image": "example/external-dns:1"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "dns"}}, "template": pod}
    created(project, Side.GREEN, DEPLOYMENTS, "default/dns", spec=spec)
    assert not run(project, Life(until=Until(phase=Phase.VERIFY)))
    assert class_of(project) == PARKED_CLASS
    (closure,) = read_ledger(progress_of(project)).routes
    assert closure.shut == ("Ingress shop/web (Deployment default/dns runs on green and would publish it)",)
    assert run(project)


def test_our_own_dormant_publisher_publishes_nothing(tmp_path: Path) -> None:
    """A held external-dns DaemonSet asks for a node that there is not: a second pass finds nothing to do."""
    project = behind_an_ingress(tmp_path / "move")
    pod = {
        "metadata": {"labels": {"app": "dns"}},
        "spec": {"containers": [{"name": "a", "image": "example/external-dns:1"}]},
    }
    spec = {"selector": {"matchLabels": {"app": "dns"}}, "template": pod}
    created(project, Side.BLUE, DAEMON_SETS, "back/dns", spec=spec)
    verified = Life(until=Until(phase=Phase.VERIFY))
    run(project, verified)
    before = len(entries_of(project))
    run(project, verified)
    assert {entry.kind.value for entry in entries_of(project)[before:]} == {"runner"}
    assert class_of(project) is None
    (closure,) = read_ledger(progress_of(project)).routes
    assert closure.rampable


def test_the_gate_names_what_would_open(tmp_path: Path) -> None:
    """Who approves the start approves the ways in with it."""
    project = behind_an_ingress(
        tmp_path / "move", FILE.replace("before-start: auto", "before-start: approval")
    )
    with pytest.raises(GateClosed) as closed:
        run(project)
    said = str(closed.value)
    assert "would open on green, where only probes come before the cutover: 1" in said
    assert "Ingress shop/web" in said
    assert closed.value.gate.endswith(GateName("before-start"))

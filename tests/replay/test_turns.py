"""What is held is let go in turns: what acts on others comes after them, and what needs others after those."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.objects import ref_of
from migrate.replay.kinds import Kind
from migrate.replay.turns import TURNS, Turn, off_first, turn_of
from tests.replay.builders import decide, deployment, obj, service

ARGO = "argoproj.io/v1alpha1"
KEDA = {"spec": {"scaleTargetRef": {"name": "web"}}}


def running(image: str) -> dict[str, Any]:
    """A Deployment whose only container has this image."""
    return deployment("web", pod={"containers": [{"name": "main", "image": image}]})


def turn(source: dict[str, Any], *around: dict[str, Any]) -> int:
    """The turn of an object among others."""
    decision = decide(source, *around).of(ref_of(source))
    assert decision is not None
    return decision.turn


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (running("shop/web:1"), Turn.WRITERS),
        (obj("CronJob", "a", "shop", "batch/v1", spec={"schedule": "* * * * *"}), Turn.WRITERS),
        (service("a", type="LoadBalancer", loadBalancerIP="192.0.2.7"), Turn.ADDRESSES),
        (service("a", type="LoadBalancer"), Turn.WAYS_IN),
        (obj("Ingress", "a", "shop", "networking.k8s.io/v1", spec={}), Turn.WAYS_IN),
        (obj("HorizontalPodAutoscaler", "a", "shop", "autoscaling/v2", spec={}), Turn.WAYS_IN),
        (obj("ScaledObject", "a", "shop", "keda.sh/v1alpha1", **KEDA), Turn.WAYS_IN),
        (running("quay.io/metallb/controller:v0.14"), Turn.WAYS_IN),
        (running("docker.io/bitnami/metallb-speaker:0.14"), Turn.WAYS_IN),
        (running("ghcr.io/kube-vip/kube-vip:v0.8"), Turn.WAYS_IN),
        (running("registry.k8s.io/external-dns/external-dns:v0.14"), Turn.NAMES),
        (running("quay.io/jetstack/cert-manager-cainjector:v1.15"), Turn.WRITERS),
        (running("quay.io/argoproj/argocd:v2.11"), Turn.GITOPS),
        (obj("Application", "a", "shop", ARGO, spec={"syncPolicy": {"automated": {}}}), Turn.GITOPS),
        (obj("Kustomization", "a", "shop", "kustomize.toolkit.fluxcd.io/v1", spec={}), Turn.GITOPS),
        (running("registry.k8s.io/autoscaling/cluster-autoscaler:v1.30"), Turn.LAST),
        (running("registry.k8s.io/descheduler/descheduler:v0.30"), Turn.LAST),
        (obj("ReplicationSource", "a", "shop", "volsync.backube/v1alpha1", spec={}), Turn.LAST),
        (obj("ConfigMap", "a", "shop", data={}), 0),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
def test_turn_follows_from_kind_and_from_what_a_controller_does(source: dict[str, Any], wanted: int) -> None:
    """Writers move first, then fixed addresses; ways in, names, GitOps and machines follow the traffic."""
    assert turn(source) == wanted


def test_what_a_waiting_webhook_calls_comes_with_the_writers() -> None:
    """A load balancer controller whose webhook pods wait for must answer before them."""
    controller = running("amazon/aws-load-balancer-controller:v2.8")
    hook = obj(
        "MutatingWebhookConfiguration",
        "pods",
        api="admissionregistration.k8s.io/v1",
        webhooks=[
            {
                "name": "a.example.net",
                "clientConfig": {"service": {"namespace": "shop", "name": "web"}},
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                    }
                ],
            }
        ],
    )
    assert turn(controller) == Turn.WAYS_IN
    assert turn(controller, service("web"), hook) == Turn.WRITERS


def test_what_acts_from_blue_goes_off_first() -> None:
    """Pauses, DNS, GitOps and autoscalers rest on blue before the writers; who gives addresses goes on until the switch."""
    assert off_first(("keda.sh", "ScaledObject"), Turn.WAYS_IN)
    assert off_first(("apps", "Deployment"), Turn.NAMES)
    assert not off_first(("apps", "Deployment"), Turn.WAYS_IN)
    assert not off_first(("apps", "Deployment"), Turn.WRITERS)


def test_every_turn_is_told() -> None:
    """docs/rules.md has a line for each turn."""
    assert set(TURNS) == set(Turn)
    assert turn_of(("", "Service"), rests=False, outside=None, awaited=False) == Turn.WAYS_IN


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (("", "Secret"), Turn.WRITERS),
        (("postgresql.cnpg.io", "Cluster"), Turn.WRITERS),
        (("metallb.io", "IPAddressPool"), Turn.WAYS_IN),
        (("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"), Turn.WAYS_IN),
    ],
)
def test_what_somebody_holds_by_a_word_of_his_own_stands_before_its_writers(kind: Kind, wanted: Turn) -> None:
    """A database without its Secret, or a client without the database, would never be Ready before the switch."""
    assert turn_of(kind, rests=False, outside=None, awaited=False) == wanted

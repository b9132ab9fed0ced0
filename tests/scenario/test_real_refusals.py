"""What a real green refuses in a move, wave after wave: its own words, the path, the rest of the wave, the gate."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from migrate.model.ids import Side
from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.control_plane import ControlPlane
from tests.scenario import real, real_looks
from tests.scenario.asking import answer, stands, until
from tests.scenario.real import Point
from tests.scenario.standing_blue import StandingBlue

pytestmark = pytest.mark.haproxy

ODD = "/api/v1/namespaces/odd"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/odd/networkpolicies"
ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
THINGS = "/apis/example.com/v1/namespaces/odd"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
DEPLOYMENTS = "/apis/apps/v1/namespaces/odd/deployments"
LEVEL = "pod-security.kubernetes.io/enforce"


@pytest.fixture
def move(blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path) -> real.Move:
    """A move that has built green; its blue has a namespace more, with an object for each trouble."""
    with real.door(blue.plane, Side.BLUE) as cluster:
        real.put(cluster, [definition(kind, most=9) for kind in ("Widget", "Gadget")])
        for plural in ("widgets", "gadgets"):
            until(
                blue.plane,
                f"{plural} are served",
                partial(stands, blue.plane, f"/apis/example.com/v1/{plural}"),
            )
        real.put(cluster, odd_objects(), "odd")
    # what was stored before its definition grew stricter is not asked again, until somebody creates it anew
    blue.plane.api.close()
    blue.plane.api.patch(f"{DEFINITIONS}/widgets.example.com", {"spec": definition("Widget", most=3)["spec"]})
    move = blue.move(tmp_path, green, balancer)
    file = real.migration(move, blue.data)
    missing = {"kind": "PriorityClass", "name": "gold", "skip": True, "reason": "green has others"}
    file["workloads"]["rules"].append(missing)
    real.write_file(move, file)
    move.go("--until", "build")
    return move


def odd_objects() -> list[dict[str, Any]]:
    """One object for each trouble, and one beside it that has none."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "odd"}},
        *(network_policy(name) for name in ("refused", "welcome")),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}},
        *(thing("Widget", name, size) for name, size in (("big", 5), ("small", 1))),
        thing("Gadget", "only", 1),
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "gold"},
            "value": 7,
        },
        *workload("strict"),
        *workload("golden", priorityClassName="gold", **HARDENED),
    ]


def definition(kind: str, most: int) -> dict[str, Any]:
    """A kind of example.com whose size has a maximum."""
    plural = f"{kind.lower()}s"
    size = {"type": "object", "properties": {"size": {"type": "integer", "maximum": most}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": size}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def thing(kind: str, name: str, size: int) -> dict[str, Any]:
    """An object of such a kind."""
    return {
        "apiVersion": "example.com/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"size": size},
    }


def network_policy(name: str) -> dict[str, Any]:
    """A policy that closes its namespace."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }


HARDENED: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "main",
            "image": "registry.example/odd:1",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
"""A pod that any Pod Security level lets in."""


def workload(name: str, **pod: Any) -> list[dict[str, Any]]:
    """A Deployment that serves, with its Service."""
    labels = {"app": name}
    containers = [{"name": "main", "image": "registry.example/odd:1"}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers, **pod}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    ports = [{"port": 80, "targetPort": 8080}]
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": ports},
        },
    ]


def forbid(green: ControlPlane, name: str, group: str, plural: str, rule: dict[str, str]) -> None:
    """Have green's admission refuse, by a policy of somebody else than the run."""
    match = {
        "resourceRules": [
            {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [plural]}
        ]
    }
    spec = {"failurePolicy": "Fail", "matchConstraints": match, "validations": [rule]}
    green.api.create(ADMISSION, {"metadata": {"name": name}, "spec": spec})
    binding = {"policyName": name, "validationActions": ["Deny"]}
    green.api.create(BINDINGS, {"metadata": {"name": name}, "spec": binding})


def allow(green: ControlPlane, name: str) -> None:
    """Take such a policy away."""
    green.api.delete(f"{BINDINGS}/{name}")
    green.api.delete(f"{ADMISSION}/{name}")


@pytest.mark.timeout(600)  # seven runs, one after the other, on two real control planes
def test_each_wave_tells_what_green_refuses_and_goes_on_once_it_is_mended(
    move: real.Move, blue: StandingBlue, green: ControlPlane
) -> None:
    """A policy, a quota, a Secret, a schema, a kind that is gone, a Pod Security level, a missing class: exit 30 each."""
    said = tried_on_the_server(move, green)
    assert "its definition does not stand yet" in " ".join(said.split())
    assert "refused" not in said
    refused_by_policy(move, green)
    refused_by_quota_and_secretly(move, green)
    refused_by_schema_and_by_a_kind_that_is_gone(move, blue, green)
    refused_pods(move, green)
    assert not any(spelling in move.written() for spelling in real.SPELLINGS)


def tried_on_the_server(move: real.Move, green: ControlPlane, code: int = 0) -> str:
    """Ask green's server for everything by dry runs; its audit log knows of no write beyond them."""
    before = real_looks.persisted(green)
    said = move.must("rehearse", "--server", code=code)
    assert real_looks.persisted(green) == before
    assert not any(spelling in said for spelling in real.SPELLINGS)
    return said


def refused_by_policy(move: real.Move, green: ControlPlane) -> None:
    """Wave 4: a ValidatingAdmissionPolicy refuses one of two NetworkPolicies."""
    until(green, "green answers", lambda: stands(green, "/api/v1/namespaces/default"))
    rule = {"expression": 'object.metadata.name != "refused"', "message": "such policies are not wanted here"}
    forbid(green, "no-policy", "networking.k8s.io", "networkpolicies", rule)
    tried = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    until(green, "the policy acts", lambda: bool(answer(green, tried, network_policy("refused"))))
    said = move.go("--until", "replay", code=30)
    assert "ValidatingAdmissionPolicy 'no-policy' with binding 'no-policy' denied request" in said
    assert "such policies are not wanted here" in said
    assert f"{POLICIES}/refused" in said
    assert "green refused 1 object of wave 4; the rest of it stands" in said
    until(green, "the rest of the wave", lambda: stands(green, f"{POLICIES}/welcome"))
    assert not stands(green, f"{ODD}/configmaps/settings")
    allow(green, "no-policy")
    until(green, "the policy is gone", lambda: not answer(green, tried, network_policy("refused")))


def refused_by_quota_and_secretly(move: real.Move, green: ControlPlane) -> None:
    """Wave 5: a quota refuses a ConfigMap, and a policy a Secret with words that quote its value."""
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"count/configmaps": "1"}}}
    green.api.create(f"{ODD}/resourcequotas", quota)
    rule = {
        "expression": 'object.metadata.name != "api"',
        "message": "no",
        "messageExpression": "'not with ' + string(object.data.token)",
    }
    forbid(green, "no-secret", "", "secrets", rule)
    secret = {"metadata": {"name": "api"}, "stringData": {"token": real.CANARY}}
    tried = "/api/v1/namespaces/default/secrets"
    until(green, "the policy acts", lambda: "no-secret" in answer(green, tried, secret))
    assert any(spelling in answer(green, tried, secret) for spelling in real.SPELLINGS)
    settings = {"metadata": {"name": "settings"}}
    until(green, "the quota acts", lambda: "exceeded quota" in answer(green, f"{ODD}/configmaps", settings))
    said = move.go("--until", "replay", code=30)
    assert "exceeded quota: few, requested: count/configmaps=1, used: count/configmaps=1" in said
    assert f"{ODD}/configmaps/settings" in said
    assert "/api/v1/namespaces/shop/secrets/api" in said
    assert "green refused 2 objects of wave 5; the rest of it stands" in said
    assert stands(green, f"{POLICIES}/refused")
    assert stands(green, "/api/v1/namespaces/shop/serviceaccounts/frontend")
    assert not stands(green, "/api/v1/namespaces/shop/services/frontend")
    assert move.must("status").count("\nrefused ") == 3
    allow(green, "no-secret")
    green.api.delete(f"{ODD}/resourcequotas/few")
    until(green, "the policy is gone", lambda: not answer(green, tried, secret))
    until(green, "the quota is gone", lambda: not answer(green, f"{ODD}/configmaps", settings))


def refused_by_schema_and_by_a_kind_that_is_gone(
    move: real.Move, blue: StandingBlue, green: ControlPlane
) -> None:
    """Wave 10: a custom resource breaks its schema, and another one's definition is deleted before it comes."""
    said = tried_on_the_server(move, green, code=30)
    assert 'Widget.example.com "big" is invalid: spec.size: Invalid value' in " ".join(said.split())
    assert "refused" not in said.partition("wave 10")[0]
    runner = move.start("run", "--yes", "--until", "replay")
    move.wait_for(runner, Point("replay.objects", "create green Service "))
    runner.process.send_signal(signal.SIGSTOP)
    try:
        green.api.close()
        green.api.delete(f"{DEFINITIONS}/gadgets.example.com")
        until(
            green, "the definition is gone", lambda: not stands(green, f"{DEFINITIONS}/gadgets.example.com")
        )
    finally:
        runner.process.send_signal(signal.SIGCONT)
    ended = runner.end()
    assert ended.code == 30, ended.said
    assert 'Widget.example.com "big" is invalid: spec.size: Invalid value' in ended.said
    assert f"{THINGS}/widgets/big" in ended.said
    assert "404" in ended.said
    assert f"{THINGS}/gadgets/only" in ended.said
    assert "green refused 2 objects of wave 10; the rest of it stands" in ended.said
    green.api.close()
    assert stands(green, f"{THINGS}/widgets/small")
    assert not stands(green, f"{DEPLOYMENTS}/strict")
    blue.plane.api.close()
    blue.plane.api.patch(f"{THINGS}/widgets/big", {"spec": {"size": 2}})
    move.go("--until", "replay")
    green.api.close()
    assert stands(green, f"{THINGS}/widgets/big")
    assert stands(green, f"{THINGS}/gadgets/only")


def refused_pods(move: real.Move, green: ControlPlane) -> None:
    """Before the start: Pod Security, a quota and the want of a class refuse pods that are only tried; none was made."""
    green.api.patch(ODD, {"metadata": {"labels": {LEVEL: "restricted"}}})
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    green.api.create("/api/v1/namespaces/shop/resourcequotas", quota)
    tried = {"metadata": {"name": "tried"}, "spec": {"containers": HARDENED["containers"]}}
    pods = "/api/v1/namespaces/shop/pods"
    until(green, "the quota acts", lambda: "exceeded quota" in answer(green, pods, tried))
    said = move.go("--until", "start", code=30)
    assert 'violates PodSecurity "restricted:latest"' in said
    assert "canary pod of Deployment odd/strict" in said
    assert "no PriorityClass with name gold was found" in said
    assert "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0" in said
    green.api.close()
    assert not green.api.get(f"{ODD}/pods")["items"]
    assert not green.api.get(pods)["items"]
    assert green.api.get(f"{DEPLOYMENTS}/strict")["spec"]["replicas"] == 0
    green.api.delete("/api/v1/namespaces/shop/resourcequotas/none")
    green.api.patch(ODD, {"metadata": {"labels": {LEVEL: None}}})
    green.api.create(CLASSES, {"metadata": {"name": "gold"}, "value": 7})
    until(green, "the quota is gone", lambda: "exceeded quota" not in answer(green, pods, tried))
    move.go("--until", "start")
    for name in ("strict", "golden"):
        assert green.api.get(f"{DEPLOYMENTS}/{name}")["status"]["readyReplicas"] == 2

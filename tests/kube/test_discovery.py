"""What is found out about a server's resources, by the aggregated and by the older way."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.errors import Unreachable
from migrate.model.objects import Resource
from tests.kube.conftest import Open, Serve
from tests.kube.faulty import Received, Reply, status


def version(name: str, *plurals: str, freshness: str = "Current") -> dict[str, Any]:
    """One version of a group in aggregated discovery."""
    resources = [
        {
            "resource": plural,
            "responseKind": {"group": "", "version": "", "kind": plural.title()},
            "scope": "Namespaced",
            "verbs": ["get", "list"],
            "subresources": [{"subresource": "status"}],
        }
        for plural in plurals
    ]
    return {"version": name, "freshness": freshness, "resources": resources}


def group(name: str, *versions: dict[str, Any]) -> dict[str, Any]:
    """One group in aggregated discovery; that of the core has no name."""
    return {"metadata": {"name": name} if name else {}, "versions": list(versions)}


def aggregated(received: Received) -> Reply:
    """A server of 1.30 or later."""
    assert "as=APIGroupDiscoveryList" in received.headers["Accept"]
    items = {
        "/api": [group("", version("v1", "pods"))],
        "/apis": [
            group("autoscaling", version("v2", "scalers"), version("v1", "scalers", "old")),
            group("metrics.k8s.io", version("v1beta1", freshness="Stale")),
        ],
    }[received.path]
    return Reply(200, {"kind": "APIGroupDiscoveryList", "items": items})


def legacy(received: Received) -> Reply:
    """A server before 1.26, with an aggregated API whose server is down, and one that is not for us."""
    entry = {"name": "things", "kind": "Thing", "namespaced": True, "verbs": ["list"]}
    subresource = {**entry, "name": "things/status"}
    versions = [{"version": "v1beta1"}, {"version": "v1"}]
    answers: dict[str, Any] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"resources": [{**entry, "name": "nodes", "kind": "Node", "namespaced": False}]},
        "/apis": {
            "kind": "APIGroupList",
            "groups": [
                {"name": "g", "versions": versions, "preferredVersion": {"version": "v1"}},
                {"name": "denied", "versions": [{"version": "v1"}]},
                {"name": "down", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}},
            ],
        },
        "/apis/g/v1": {"resources": [entry, subresource]},
        "/apis/g/v1beta1": {"resources": [entry, {**entry, "name": "olds", "kind": "Old"}]},
    }
    if received.path == "/apis/denied/v1":
        return status(403, "Forbidden", 'User "me" cannot get path "/apis/denied/v1"')
    if "/customresourcedefinitions/" in received.path:
        return status(404, "NotFound", "not found")
    if received.path not in answers:
        return status(503, "ServiceUnavailable", "service unavailable")
    return Reply(200, answers[received.path])


def test_each_resource_comes_in_its_preferred_version(serve: Serve, door: Open) -> None:
    """A resource that the preferred version lacks is taken from the next one; the others are named; two requests tell all."""
    cluster = door(serve(aggregated).url)
    found = {resource.name: resource for resource in cluster.resources()}
    assert found["scalers.autoscaling"].versions == ("v2", "v1")
    assert found["old.autoscaling"].versions == ("v1",)
    verbs = frozenset({"get", "list"})
    assert found["pods"] == Resource("", "v1", "pods", "Pods", namespaced=True, verbs=verbs)
    assert cluster.requests() == 2


def test_a_broken_aggregated_api_is_left_out_and_named(serve: Serve, door: Open) -> None:
    """A stale group costs itself only."""
    cluster = door(serve(aggregated).url)
    assert not [r for r in cluster.resources() if r.group == "metrics.k8s.io"]
    assert set(cluster.undiscovered) == {"metrics.k8s.io/v1beta1"}


def test_an_old_server_is_asked_group_by_group(serve: Serve, door: Open) -> None:
    """Without aggregated discovery the same is found out, subresources left out."""
    cluster = door(serve(legacy).url, patience=0.0)
    found = [(r.name, r.versions, r.namespaced) for r in cluster.resources()]
    assert found == [
        ("nodes", ("v1",), False),
        ("things.g", ("v1", "v1beta1"), True),
        ("olds.g", ("v1beta1",), True),
    ]
    assert set(cluster.undiscovered) == {"denied/v1", "down/v1"}


@pytest.mark.parametrize(
    ("conversion", "versions"),
    [
        ({"strategy": "Webhook"}, ("v1", "v2", "v1beta1")),
        ({"strategy": "None"}, ("v2", "v1", "v1beta1")),
        (None, ("v2", "v1", "v1beta1")),
    ],
)
def test_what_a_webhook_converts_comes_in_the_version_that_is_stored(
    serve: Serve, door: Open, conversion: Any, versions: tuple[str, ...]
) -> None:
    """The definition says which; it is asked for once, and another server's group of many kinds for one of them."""
    shops = {
        "group": "g",
        "versions": [
            {"name": name, "served": True, "storage": name == "v1"} for name in ("v1beta1", "v1", "v2")
        ],
        **({"conversion": conversion} if conversion else {}),
    }
    several = [version(name, "shops") for name in ("v2", "v1", "v1beta1")]
    measured = [version(name, "pods", "nodes") for name in ("v1beta2", "v1beta1")]
    asked: list[str] = []

    def behaviour(received: Received) -> Reply:
        if "/customresourcedefinitions/" in received.path:
            asked.append(received.path.rpartition("/")[2])
            known = asked[-1] == "shops.g"
            return Reply(200, {"spec": shops}) if known else status(404, "NotFound", "not found")
        groups = {"/api": [], "/apis": [group("g", *several), group("measured", *measured)]}
        return Reply(200, {"kind": "APIGroupDiscoveryList", "items": groups[received.path]})

    cluster = door(serve(behaviour).url)
    for _ in range(2):
        found = {resource.name: resource.versions for resource in cluster.resources()}
        assert found["shops.g"] == versions
        assert found["pods.measured"] == found["nodes.measured"] == ("v1beta2", "v1beta1")
    assert asked == ["shops.g", "pods.measured", "pods.measured"]


def test_without_the_core_group_there_is_no_discovery(serve: Serve, door: Open) -> None:
    """A server that cannot tell its core group is lost, not small."""

    def behaviour(received: Received) -> Reply:
        return legacy(received) if received.path == "/api" else status(503, "ServiceUnavailable", "no")

    with pytest.raises(Unreachable):
        door(serve(behaviour).url, patience=0.0).resources()

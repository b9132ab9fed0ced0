"""Webhooks come after their backends and before the pods that they would change, or wait together with them."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.decision import Form
from migrate.model.objects import Object, Ref
from migrate.replay import Decisions
from migrate.replay.admission import selects
from migrate.replay.blue import Blue
from migrate.replay.surroundings import Surroundings
from tests.replay.builders import decide, deployment, inventory, migration, obj, owner, service

API = "admissionregistration.k8s.io/v1"


def webhook(name: str, kind: str = "MutatingWebhookConfiguration", **parts: Any) -> Object:
    """A webhook configuration that calls Service shop/<name> for every pod; `parts` go into its one webhook."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    client = {"service": {"namespace": "shop", "name": name}}
    hook = {"name": f"{name}.example", "clientConfig": client, "rules": [rule], **parts}
    return obj(kind, name, api=API, webhooks=[hook])


def only(namespace: str) -> dict[str, Any]:
    """A webhook's part that limits it to one namespace."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def backend(name: str, **spec: Any) -> list[Object]:
    """A Deployment with its Service."""
    return [deployment(name, **spec), service(name)]


def ref(kind: str, name: str, namespace: str = "shop") -> Ref:
    """A reference to one of this file's objects."""
    return (
        Ref("apps", kind, namespace, name)
        if kind == "Deployment"
        else Ref(API.partition("/")[0], kind, "", name)
    )


def names(decisions: Decisions, wave: int) -> list[list[str]]:
    """The names in a wave, stage by stage."""
    return [[d.ref.name for d in stage] for stage in decisions.stages(wave)]


def test_serving_backend_runs_before_its_webhook() -> None:
    """In wave 9 the backend stands, with its replicas, a stage before the configuration; nothing else runs."""
    decisions = decide(*backend("inject"), *backend("cart"), webhook("inject"))
    assert [[str(d.ref) for d in stage] for stage in decisions.stages(9)] == [
        ["Deployment shop/inject"],
        ["MutatingWebhookConfiguration inject"],
    ]
    started = decisions.started_early
    assert [(d.ref.name, d.form, d.target and d.target["spec"]["replicas"]) for d in started] == [
        ("inject", Form.REPLAYED, 3)
    ]
    assert [d.ref.name for d in decisions.held] == ["cart"]


@pytest.mark.parametrize(
    ("backing", "workloads"),
    [
        (backend("inject", strategy={"type": "Recreate"}), {}),
        (backend("inject"), {"hold": [{"namespace": "shop", "name": "inject"}]}),
        (backend("inject"), {"start": "none"}),
    ],
    ids=["exclusive", "held by the operator", "nothing may start"],
)
def test_webhook_waits_with_its_backend(backing: list[Object], workloads: dict[str, Any]) -> None:
    """Where the backend may not run yet, the configuration is deferred and the pods it would change wait with it."""
    decisions = decide(*backing, *backend("cart"), webhook("inject"), workloads=workloads)
    assert [d.ref.name for d in decisions.deferred] == ["inject"]
    assert decisions.waits[ref("Deployment", "cart")] == (ref("MutatingWebhookConfiguration", "inject"),)
    assert ref("Deployment", "inject") not in decisions.waits
    assert ref("Deployment", "cart") not in decisions.startable


def test_webhook_for_other_namespaces_keeps_nobody_waiting() -> None:
    """A workload whose namespace the webhook does not select is started without it."""
    waiting = webhook("inject", **only("other"))
    decisions = decide(*backend("inject", strategy={"type": "Recreate"}), *backend("cart"), waiting)
    assert decisions.waits == {}
    assert decisions.startable == {ref("Deployment", "cart")}


def test_validating_webhook_keeps_nobody_waiting() -> None:
    """A validating configuration waits for its backend, but changes no pod: others go on."""
    check = webhook("check", "ValidatingWebhookConfiguration")
    decisions = decide(*backend("check", strategy={"type": "Recreate"}), *backend("cart"), check)
    assert [d.ref.name for d in decisions.deferred] == ["check"]
    assert decisions.startable == {ref("Deployment", "cart")}


def test_backend_that_another_webhook_changes_comes_after_it() -> None:
    """A backend whose own pods get a sidecar is started only once the webhook that gives it answers."""
    first, second = (
        webhook("aaa-later", objectSelector={"matchLabels": {"app": "none"}}),
        webhook("zzz-first"),
    )
    decisions = decide(*backend("aaa-later"), *backend("zzz-first"), first, second)
    assert names(decisions, 9) == [["zzz-first"], ["zzz-first"], ["aaa-later"], ["aaa-later"]]


def test_backend_of_a_webhook_that_must_wait_for_another_waits_too() -> None:
    """Waiting spreads: a serving backend that a deferred webhook would change is held, and its own webhook deferred."""
    decisions = decide(
        *backend("one", strategy={"type": "Recreate"}),
        *backend("two"),
        webhook("one"),
        webhook("two", **only("other")),
    )
    assert [d.ref.name for d in decisions.deferred] == ["one", "two"]
    assert decisions.started_early == ()
    assert decisions.waits[ref("Deployment", "two")] == (ref("MutatingWebhookConfiguration", "one"),)


def test_webhooks_that_change_each_others_backends_are_still_placed() -> None:
    """No order satisfies a circle; both are started, and nothing hangs."""
    decisions = decide(*backend("one"), *backend("two"), webhook("one"), webhook("two"))
    assert sorted(d.ref.name for d in decisions.started_early) == ["one", "two"]
    assert len(decisions.of_wave(9)) == 4


def test_backend_under_an_operator_is_not_ours_to_start() -> None:
    """A backend that an operator's resource controls comes with its operator; the configuration waits."""
    parent = obj("Mesh", "main", "shop", "example.net/v1", uid="m-1")
    made = deployment("inject")
    made["metadata"]["ownerReferences"] = owner(parent)
    decisions = decide(parent, made, service("inject"), webhook("inject"))
    assert [d.ref.name for d in decisions.deferred] == ["inject"]


def test_service_without_a_workload_is_asked_about() -> None:
    """A webhook whose Service selects nothing that moves is left to a person."""
    decisions = decide(service("inject"), webhook("inject"))
    assert [(d.rule, d.evidence) for d in decisions.undecided] == [
        ("green.webhook-backend", "calls shop/inject (no workload behind it moves)")
    ]


def test_aggregated_api_is_registered_after_its_backend() -> None:
    """An APIService whose backend serves stands in wave 9, after it."""
    spec = {"group": "shop.example", "version": "v1", "service": {"namespace": "shop", "name": "api"}}
    decisions = decide(
        *backend("api"), obj("APIService", "v1.shop.example", api="apiregistration.k8s.io/v1", spec=spec)
    )
    assert names(decisions, 9) == [["api"], ["v1.shop.example"]]


def test_conversion_backend_is_started_early() -> None:
    """What converts custom resources runs before the resources of wave 10; the definition itself does not wait."""
    conversion = {
        "strategy": "Webhook",
        "webhook": {"clientConfig": {"service": {"namespace": "shop", "name": "convert"}}},
    }
    names_ = {"kind": "Shop", "plural": "shops"}
    crd = obj(
        "CustomResourceDefinition",
        "shops.example.net",
        api="apiextensions.k8s.io/v1",
        spec={"group": "example.net", "names": names_, "conversion": conversion},
    )
    decisions = decide(*backend("convert"), crd)
    assert [d.ref.name for d in decisions.started_early] == ["convert"]
    assert names(decisions, 2) == [["shops.example.net"]]


def test_pods_under_a_replica_set_of_a_deployment_count_once() -> None:
    """The ReplicaSet below a Deployment is no backend of its own."""
    top = deployment("inject")
    spec = {"replicas": 3, "template": top["spec"]["template"]}
    below = obj("ReplicaSet", "inject-1", "shop", "apps/v1", uid="r", owners=owner(top), spec=spec)
    decisions = decide(top, below, service("inject"), webhook("inject"))
    assert [d.ref.name for d in decisions.started_early] == ["inject"]


def test_workload_that_blue_forgot_waits_for_nothing() -> None:
    """A reference that is not in the inventory has no webhooks."""
    blue = inventory(*backend("inject"), webhook("inject"))
    assert Surroundings(Blue(blue, migration())).admission.waits_for(ref("Deployment", "gone")) == ()


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, True),
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Unheard"}]}, False),
    ],
)
def test_label_selector(selector: dict[str, Any] | None, selected: bool) -> None:
    """A label selector selects as Kubernetes' own does; NotIn also takes what has no such label."""
    assert selects(selector, {"a": "1"}) is selected

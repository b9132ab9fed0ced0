"""Parity: what was decided stands on green, with our marks, equal in every field that we sent, and with none beside."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.doors.cluster import FIELD_MANAGER
from migrate.model.ids import RunId
from migrate.model.inventory import Inventory
from migrate.model.objects import Object
from migrate.model.verdict import Result, Verdict
from migrate.replay import SINCE, Decisions, Difference, differences, mark, verdicts, whole
from migrate.replay.causes import ADMITTED, COMPLETED, DROPPED, cause
from migrate.replay.edits import merged
from migrate.replay.parity import DIFFERS, STALE, beside, parted, unequal
from tests.replay.builders import decide, deployment, inventory, obj, service

KEY = b"key of a test run"
RUN = RunId("7f3a")

BLUE = [
    deployment("cart"),
    service("cart", type="LoadBalancer", clusterIP="10.96.0.7", loadBalancerIP="192.0.2.1"),
    obj("Secret", "s", "shop", data={"password": "aHVudGVyMg=="}),
    obj("ConfigMap", "c", "shop", data={"a": ""}),
]


def served(target: Object) -> dict[str, Any]:
    """An object as a server gives it back: with what it defaulted and accounts for."""
    found = copy.deepcopy(dict(target))
    owned = [{"manager": FIELD_MANAGER, "operation": "Update", "fieldsV1": {"f:metadata": {}}}]
    found["metadata"] |= {"uid": "green", "resourceVersion": "9", "managedFields": owned}
    found["status"] = {"observed": True}
    if found["kind"] == "Service":
        found["spec"] |= {"clusterIP": "10.112.0.9", "sessionAffinity": "None"}
        found["spec"]["ports"][0] |= {"protocol": "TCP", "targetPort": 80}
    if found["kind"] == "Deployment":
        found["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent"
        found["spec"]["progressDeadlineSeconds"] = 600
    return found


def replayed(decisions: Decisions) -> list[dict[str, Any]]:
    """Green after the replay."""
    return [
        served(mark(d.target, run=RUN, key=KEY, source_uid="u"))
        for d in decisions.written
        if d.target is not None
    ]


def compared(decisions: Decisions, green: Inventory) -> tuple[Difference, ...]:
    """The differences with the causes that a green without any other manager's entries tells."""
    found = differences(decisions, green, key=KEY, run=RUN)
    return tuple(part for difference in found for part in parted(explained(difference, green)))


def explained(difference: Difference, green: Inventory) -> Difference:
    """One difference with its causes, where any of it was added."""
    found = green.find(difference.ref)
    if found is None or not difference.added:
        return difference
    causes = (cause(p, found, ours=FIELD_MANAGER, added=p in difference.added) for p in difference.paths)
    return replace(difference, causes=tuple(causes))


def judged(decisions: Decisions, green: Inventory) -> tuple[Verdict, ...]:
    """The verdicts; those on what green completed pass, and are left out."""
    found = verdicts(decisions, compared(decisions, green))
    assert all(v.passed for v in found if v.check.endswith(" as completed"))
    return tuple(v for v in found if not v.check.endswith(" as completed"))


def results(decisions: Decisions, green: Inventory) -> dict[str, Result]:
    """The verdicts by check."""
    return {v.check: v.result for v in judged(decisions, green)}


def test_green_after_a_replay_is_equal() -> None:
    """What a server defaults, allocates and accounts for is no difference."""
    decisions = decide(*BLUE)
    green = inventory(*replayed(decisions))
    assert all(d.completed for d in compared(decisions, green))
    assert results(decisions, green) == dict.fromkeys(
        ["parity-wave-5", "parity-wave-8", "parity-wave-11"], Result.PASS
    )


def test_released_object_is_equal() -> None:
    """A held object that was released by its patch is equal too; one released to something else is not."""
    decisions = decide(*BLUE)
    holds = {d.ref.kind: d.hold for d in decisions.held}
    green = []
    for found in replayed(decisions):
        hold = holds.get(found["kind"])
        green.append(merged(found, hold.release) if hold else found)
    assert all(d.completed for d in compared(decisions, inventory(*green)))
    odd = [merged(o, {"spec": {"replicas": 2}}) if o["kind"] == "Deployment" else o for o in green]
    (difference,) = (d for d in compared(decisions, inventory(*odd)) if not d.completed)
    assert (difference.ref.name, difference.paths) == ("cart", ("spec.replicas",))


def told_of(causes: tuple[str, ...], what: str = DIFFERS) -> dict[str, Verdict]:
    """The verdicts on four objects of which one was admitted otherwise and one differs for these causes."""
    decisions = decide(*BLUE)
    first, second, *_ = (d.ref for d in decisions.written)
    paths = tuple(f"data.{n}" for n in range(len(causes)))
    found = [
        Difference(first, 5, DIFFERS, ("spec.x",), (ADMITTED,)),
        Difference(second, 5, what, paths, causes),
    ]
    return {verdict.check: verdict for verdict in whole(decisions, found)}


def test_what_green_admitted_otherwise_is_no_failure_and_is_said() -> None:
    """It passes under a name of its own, so that an approval does not cover it unseen; the paths are told."""
    verdicts = told_of((ADMITTED, ADMITTED))
    assert {check: v.result for check, v in verdicts.items()} == {
        SINCE: Result.PASS,
        f"{SINCE} as admitted": Result.PASS,
    }
    assert verdicts[SINCE].evidence == "2 of 4 equal"
    said = verdicts[f"{SINCE} as admitted"].evidence
    assert said.startswith("2 of 4: ")
    assert "differs at spec.x (green's admission, as it was written)" in said


@pytest.mark.parametrize(
    ("causes", "what"),
    [((ADMITTED, "kubectl-edit"), DIFFERS), ((), DIFFERS), ((ADMITTED,), STALE), ((DROPPED,), DIFFERS)],
)
def test_whatever_else_differs_fails(causes: tuple[str, ...], what: str) -> None:
    """A hand on one of its fields, no known cause, another state of blue, or a field that green dropped."""
    verdicts = told_of(causes, what)
    assert verdicts[SINCE].result is Result.FAIL
    assert "spec.x" not in verdicts[SINCE].evidence
    assert "spec.x" in verdicts[f"{SINCE} as admitted"].evidence


def test_a_difference_as_json_has_paths_and_causes() -> None:
    """No value; of very many paths the number of those left out."""
    ref = decide(*BLUE).written[0].ref
    many = Difference(
        ref, 5, DIFFERS, tuple(f"data.k{n}" for n in range(60)), ("kubectl-edit",) * 60
    ).as_json()
    assert many["object"] == str(ref)
    assert many["paths"][0] == {"path": "data.k0", "cause": "kubectl-edit"}
    assert (len(many["paths"]), many["more"]) == (50, 10)
    assert Difference(ref, 5, "missing").as_json()["paths"] == []
    assert Difference(ref, 5, DIFFERS, ("data.a",)).as_json()["paths"] == [{"path": "data.a"}]


def dropped(found: dict[str, Any]) -> None:
    """Take a field away."""
    del found["data"]["password"]


def other(found: dict[str, Any]) -> None:
    """Change a field."""
    found["data"]["password"] = "b3RoZXI="


def strange(found: dict[str, Any]) -> None:
    """Take our marks away."""
    found["metadata"]["annotations"] = {}


def elder(found: dict[str, Any]) -> None:
    """Make it another run's."""
    found["metadata"]["annotations"]["cnimigrate.io/run"] = "older"


def stale(found: dict[str, Any]) -> None:
    """Make it written from another state of blue."""
    found["metadata"]["annotations"]["cnimigrate.io/source-hash"] = "0" * 64


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (dropped, "differs at data.password"),
        (other, "differs at data.password"),
        (strange, "not ours"),
        (elder, "not ours"),
        (stale, "written from another state"),
    ],
)
def test_difference_fails_its_wave_and_names_no_value(
    change: Callable[[dict[str, Any]], None], what: str
) -> None:
    """A changed, foreign or outdated object fails its wave by name and path; a Secret's value is never shown."""
    decisions = decide(*BLUE)
    green = replayed(decisions)
    change(next(o for o in green if o["kind"] == "Secret"))
    failing = [v for v in judged(decisions, inventory(*green)) if not v.passed]
    assert [v.check for v in failing] == ["parity-wave-5"]
    assert failing[0].evidence == f"1 of 2 equal; Secret shop/s: {what}"


def test_missing_object_fails_and_an_unread_kind_is_inconclusive() -> None:
    """An object that is not there fails its wave; where its kind could not be listed nothing is known."""
    decisions = decide(*BLUE)
    green = inventory(*(o for o in replayed(decisions) if o["kind"] != "Secret"))
    assert results(decisions, green)["parity-wave-5"] is Result.FAIL
    blind = Inventory(green.resources, green.objects, unreadable={"secrets": "forbidden"})
    assert results(decisions, blind)["parity-wave-5"] is Result.INCONCLUSIVE


def test_nothing_to_compare_is_inconclusive() -> None:
    """No samples is inconclusive, never a pass (invariant 9)."""
    decisions = decide(obj("Event", "e", "shop"))
    assert results(decisions, inventory()) == {"parity": Result.INCONCLUSIVE}


def test_another_version_of_the_group_is_equal() -> None:
    """Green may show an object in the version that it prefers."""
    decisions = decide(obj("Shop", "main", "shop", "example.net/v1beta1", spec={"a": 1}))
    green = [o | {"apiVersion": "example.net/v1"} for o in replayed(decisions)]
    assert results(decisions, inventory(*green)) == {"parity-wave-10": Result.PASS}


def test_merged_object_is_compared_without_marks() -> None:
    """What green made itself, such as a default ServiceAccount, needs no mark of ours, only what was merged."""
    decisions = decide(obj("ServiceAccount", "default", "shop", imagePullSecrets=[{"name": "registry"}]))
    made = obj("ServiceAccount", "default", "shop")
    assert results(decisions, inventory({**made, "imagePullSecrets": [{"name": "registry"}]})) == {
        "parity-wave-5": Result.PASS
    }
    assert results(decisions, inventory(made)) == {"parity-wave-5": Result.FAIL}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("networkpolicies.networking.k8s.io", "give the credentials the right to list them, on green"),
        (
            "*.networking.k8s.io",
            "bring up what serves their group (kubectl get apiservices), on green",
        ),
    ],
)
def test_kind_that_was_never_listed_is_known_by_its_name(name: str, remedy: str) -> None:
    """Where green's listing left a kind out altogether, its name, or its group's, among the unreadable ones tells.

    No right mends a group that nobody serves.
    """
    decisions = decide(obj("NetworkPolicy", "p", "shop", "networking.k8s.io/v1", spec={}))
    blind = Inventory((), {}, unreadable={name: "forbidden"})
    (verdict,) = judged(decisions, blind)
    assert (verdict.check, verdict.result) == ("parity-wave-4", Result.INCONCLUSIVE)
    assert verdict.remedy == remedy


def test_kind_that_green_lists_and_could_not_read_is_inconclusive() -> None:
    """A kind among green's resources whose listing was refused proves nothing."""
    decisions = decide(obj("ConfigMap", "c", "shop"), obj("ConfigMap", "d", "shop"))
    green = inventory(*replayed(decisions)[:1])
    blind = Inventory(green.resources, green.objects, unreadable={"configmaps": "forbidden"})
    assert results(decisions, blind) == {"parity-wave-5": Result.INCONCLUSIVE}


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_everything_equals_itself(value: Any) -> None:
    """No value differs from a copy of itself."""
    assert not list(unequal({"a": value}, {"a": copy.deepcopy(value)}))


@given(VALUES, VALUES)
def test_what_is_unequal_is_found(one: Any, other_value: Any) -> None:
    """Where a scalar or a list differs, a path is named; only keys that green has beside ours pass."""
    if isinstance(one, dict) and isinstance(other_value, dict):
        return
    differs = one != other_value or isinstance(one, bool) != isinstance(other_value, bool)
    if isinstance(one, list) and isinstance(other_value, list) and len(one) == len(other_value):
        return
    assert bool(list(unequal({"a": one}, {"a": other_value}))) is differs


POLICY = obj(
    "NetworkPolicy",
    "p",
    "shop",
    "networking.k8s.io/v1",
    spec={"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"namespaceSelector": {}}]}]},
)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"spec": {"egress": [{}]}}, "spec.egress"),
        ({"spec": {"podSelector": {"matchLabels": {"a": "b"}}}}, "spec.podSelector.matchLabels"),
        (
            {"spec": {"ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 1}]}]}},
            "spec.ingress[0].ports",
        ),
        ({"metadata": {"labels": {"a": "b"}}}, "metadata.labels.a"),
        ({"metadata": {"uid": "u", "annotations": {"cnimigrate.io/run": "7f3a"}}, "status": {}}, ""),
        ({"spec": {"podSelector": None}}, ""),
    ],
)
def test_what_stands_beside_what_was_sent_is_found(change: dict[str, Any], path: str) -> None:
    """A key more at any depth; not what every server notes, our own marks, nor what is lacking, which `apart` tells."""
    assert beside(POLICY, merged(POLICY, change)) == ((path,) if path else ())


def test_what_green_completed_is_parted_from_what_a_hand_did() -> None:
    """Each part is judged for itself; what was written from another state is told whole."""
    ref = decide(*BLUE).written[0].ref
    both = Difference(
        ref, 5, DIFFERS, ("spec.a", "spec.b"), (COMPLETED, "kubectl-edit"), added=frozenset({"spec.a"})
    )
    assert [(d.paths, d.completed) for d in parted(both)] == [(("spec.b",), False), (("spec.a",), True)]
    assert list(parted(replace(both, what=STALE))) == [replace(both, what=STALE)]
    assert list(parted(replace(both, causes=()))) == [replace(both, causes=())]


def test_empty_list_is_not_an_absent_one() -> None:
    """A policy whose `egress: [{}]` became `egress: []`, or whose empty selector is gone, is different."""
    assert list(unequal({"egress": [{}]}, {"egress": []})) == ["egress"]
    assert list(unequal({"peer": {"namespaceSelector": {}}}, {"peer": {}})) == ["peer.namespaceSelector"]
    assert list(unequal({"metadata": {"labels": {}}, "x": None}, {"metadata": {}})) == []

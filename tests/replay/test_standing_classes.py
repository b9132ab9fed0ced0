"""A class that a workload was replayed with holds while nothing but a moment speaks against it."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.migration import Workloads
from migrate.model.objects import Object, Ref
from migrate.replay import Decisions, decide_all
from migrate.replay.standing_classes import classes_as_facts, standing_classes
from tests.replay.builders import deployment, inventory, migration, obj, owner, service

API = Ref("apps", "Deployment", "shop", "api")
LEADS = {"containers": [{"name": "main", "image": "shop/api:1", "args": ["--leader-elect"]}]}
KEY = b"key"
WORDS = Workloads()


def recorded(*objects: Object) -> dict[str, Any]:
    """The facts that a first pass leaves."""
    blue = inventory(*objects)
    return classes_as_facts(blue, decided(*objects), WORDS, KEY)


def decided(*objects: Object, classed: Any = None, **workloads: Any) -> Decisions:
    """Every decision on these objects."""
    from migrate.assess import own_ranges

    blue = inventory(*objects)
    return decide_all(
        blue,
        migration(workloads or None),
        residue=frozenset(),
        ranges=own_ranges(blue),
        green_resources=None,
        classed=classed,
    )


@pytest.mark.parametrize("word", ["exclusive", "unknown"])
def test_what_was_not_serving_is_not_by_one_look(word: str) -> None:
    """Its evidence is gone from what is read now; it stays what it was, says why, and does not start."""
    objects = deployment("api"), service("api")
    assert API in decided(*objects).startable
    decisions = decided(*objects, classed={API: word})
    decision = decisions.of(API)
    assert decision is not None
    assert (decision.workload_class, decision.rule) == (word, f"hold.{word}")
    assert decision.evidence == "classed so when it was replayed; Service api selects it"
    assert decision.hold is not None
    assert decision.hold.rest_blue is not None
    assert API not in decisions.startable


def test_stricter_evidence_is_heard_at_once() -> None:
    """What was unknown, and leads now, is exclusive by what is seen."""
    decision = decided(deployment("api", pod=LEADS), classed={API: "unknown"}).of(API)
    assert decision is not None
    assert (decision.workload_class, decision.evidence) == ("exclusive", "argument --leader-elect")


def test_a_class_holds_while_the_object_and_the_words_are_the_same() -> None:
    """However many replicas it has; another image, another label or another word of the file: it is judged anew."""
    facts = recorded(deployment("api"))
    assert [one["class"] for one in facts["workloads"]] == ["unknown"]

    def standing(api: Object, words: Workloads = WORDS) -> Any:
        return standing_classes(facts, inventory(api), words, KEY)

    assert standing(deployment("api")) == {API: "unknown"}
    assert standing(deployment("api", replicas=9)) == {API: "unknown"}
    assert standing(deployment("api", pod=LEADS)) == {}
    assert standing({**deployment("api"), "metadata": {**API_META, "labels": {"tier": "web"}}}) == {}
    assert standing(deployment("api"), Workloads(exclude=("other",))) == {}
    assert standing(deployment("other")) == {}


API_META = deployment("api")["metadata"]


def test_what_serves_is_not_recorded_and_an_older_journal_says_nothing() -> None:
    """Serving workloads are classed by each look; so is everything where no class was recorded."""
    assert recorded(deployment("api"), service("api"))["workloads"] == []
    assert standing_classes({}, inventory(deployment("api")), WORDS, KEY) == {}


def test_what_a_custom_resource_controls_keeps_its_class_and_the_resource_its_form() -> None:
    """Nobody leads just now: written beside its controller on green, the resource would have a second leader made."""
    parent = obj("Queue", "api", "shop", "example.net/v1", uid="q-1")
    role = obj("ClusterRole", "all", api="rbac.authorization.k8s.io/v1")
    role["rules"] = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": "shop"}
    bound = obj("ClusterRoleBinding", "all", api="rbac.authorization.k8s.io/v1", subjects=[subject])
    bound["roleRef"] = {"kind": "ClusterRole", "name": "all"}
    child = deployment("api")
    child["metadata"]["ownerReferences"] = owner(parent)
    lease = obj("Lease", "api", "shop", "coordination.k8s.io/v1", spec={"holderIdentity": "api-1"})
    pod = obj("Pod", "api-1", "shop", uid="p-1", owners=owner(child), spec={"containers": []})
    around = parent, role, bound, child, service("api"), deployment("maker")
    form = Ref("example.net", "Queue", "shop", "api")
    facts = recorded(*around, lease, pod)
    standing = standing_classes(facts, inventory(*around), WORDS, KEY)
    assert standing[API] == "exclusive"
    kept, anew = decided(*around, classed=standing).of(form), decided(*around).of(form)
    assert kept is not None
    assert anew is not None
    assert (kept.rule, anew.rule) == ("defer.custom", "replay.default")

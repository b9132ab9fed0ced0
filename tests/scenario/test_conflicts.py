"""Names that are taken on green: all are known before the first object is written, and the file says what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.app import main
from migrate.cli.project import Project
from migrate.doors.cluster import Verb, Write
from migrate.engine.runner import Until
from migrate.errors import CheckFailed, ForeignObject
from migrate.model import marks
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, Resource, annotations_of
from migrate.model.verdict import Verdict
from migrate.simulation.faults import Fuse, Killed
from migrate.simulation.server import SimulatedCluster
from migrate.steps.delta import Upcoming, upcoming
from tests.scenario.endings import difference, ending_of, plain
from tests.scenario.hands import CONFIG_MAPS, DEPLOYMENTS, ROLES, patched
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    amended,
    copied,
    opened,
    progress_of,
    roll_back_to,
    run,
    world_of,
)

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", namespaced=True)
BUILT = Life(until=Until(phase=Phase.BUILD))
READING = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}


def theirs(project: Project, resource: Resource, where: str, **body: Any) -> None:
    """Let another team have an object on green, owned by its own field manager."""
    namespace, _, name = where.rpartition("/")
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **body.pop("metadata", {})}
    api = f"{resource.group}/{resource.version}" if resource.group else resource.version
    whole = {"apiVersion": api, "kind": resource.kind, "metadata": metadata, **body}
    with world_of(project) as world:
        other = SimulatedCluster(world.store, Side.GREEN, manager="kubectl")
        other.write(Write(Verb.CREATE, resource, name, namespace, whole))


def on(project: Project, side: Side, resource: Resource, where: str) -> Object | None:
    """An object as it stands."""
    namespace, _, name = where.rpartition("/")
    with world_of(project) as world:
        return world.cluster(side).get(resource, name, namespace)


def settled_in(project: Project, **data: str) -> Project:
    """A move at the end of build, with a namespace of ours and a ConfigMap in it made by another team."""
    run(project, BUILT)
    theirs(project, NAMESPACES, "back")
    theirs(project, CONFIG_MAPS, "back/worker", data=data)
    return project


def of_others(project: Project) -> dict[str, Any]:
    """What the other team has on green, without times and versions; our marks would show."""
    found = {
        "back": on(project, Side.GREEN, NAMESPACES, "back"),
        "worker": on(project, Side.GREEN, CONFIG_MAPS, "back/worker"),
    }
    return {
        name: (obj and plain({k: v for k, v in obj.items() if k != "metadata"}), annotations_of(obj or {}))
        for name, obj in found.items()
    }


def refused(project: Project, life: Life | None = None) -> ForeignObject:
    """Run into what stands in the way."""
    with pytest.raises(ForeignObject) as caught:
        run(project, life)
    assert caught.value.exit_code == 33
    return caught.value


def told(project: Project) -> Mapping[str, Verdict]:
    """The latest verdicts, by check."""
    progress = progress_of(project)
    assert progress.plan is not None
    return {v.check: v for s in progress.plan.steps for v in progress.verdicts(s.batch)}


ACCEPT = """\
verify:
  accept: [{kind: ConfigMap, namespace: back, name: worker, path: data.theirs, reason: the other team's own key}]
"""


def with_policy(project: Project, policy: str, more: str = ACCEPT) -> Project:
    """The same move with the policy in its file, and what the other team has beside accepted."""
    return amended(project, f"{FILE}  onConflict: {policy}\n{more}")


def test_all_are_told_at_once_before_anything_is_written(project: Project) -> None:
    """Equal or different, each has a verdict; nothing was created, nothing is in doubt, and taken away the move goes on."""
    settled_in(project, queue="orders")
    theirs(project, ROLES, "back/reader", **READING)
    before = of_others(project)
    said = refused(project)
    assert "Namespace back stands on green and is not from this run: equal" in said.message
    assert "ConfigMap back/worker stands on green and is not from this run: equal" in said.message
    assert "Role back/reader stands on green and is not from this run: differs at " in said.message
    assert "onConflict: skip" in said.remedy
    assert not progress_of(project).in_doubt()
    assert not [i for i in progress_of(project).intents() if i.action.kind in {"create", "adopt"}]
    assert of_others(project) == before

    with world_of(project) as world:
        green = SimulatedCluster(world.store, Side.GREEN, manager="kubectl")
        green.write(Write(Verb.DELETE, NAMESPACES, "back"))
        world.settle()
    assert run(project)
    assert told(project)["on green Role back/reader"].passed


def test_a_policy_of_others_that_opens_ours_is_not_equal(project: Project) -> None:
    """It has all that ours has, and lets in what ours does not: both paths are told before anything is written."""
    settled_in(project, queue="orders")
    spec = {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress"], "ingress": [{}]}
    theirs(project, POLICIES, "back/closed", spec=spec)
    said = refused(project).message
    assert "NetworkPolicy back/closed stands on green and is not from this run: has beside it " in said
    assert "spec.podSelector.matchLabels" in said
    assert "spec.ingress" in said


def test_what_is_skipped_stays_as_it_is_and_is_accounted_for(project: Project) -> None:
    """The move goes to its end; the other team's objects are named as green's own, and a rollback leaves them, too."""
    settled_in(project, queue="theirs")
    before = of_others(project)
    project = with_policy(project, "skip")
    run(project, Life(until=Until(phase=Phase.VERIFY)))
    assert of_others(project) == before
    said = told(project)["green's own"]
    assert "2 not compared" in said.evidence
    assert "ConfigMap back/worker" in said.evidence
    assert run(project)
    assert of_others(project) == before
    roll_back_to(project, Phase.BUILD)
    assert of_others(project) == before


def test_what_is_adopted_gets_what_it_lacks_and_is_given_back(project: Project) -> None:
    """Our marks and our fields, never by force; on the way back both go, and the object stays with the UID it had."""
    settled_in(project, theirs="kept")
    before = of_others(project)
    uid = (on(project, Side.GREEN, CONFIG_MAPS, "back/worker") or {})["metadata"]["uid"]
    project = with_policy(project, "adopt")
    assert run(project, Life(until=Until(phase=Phase.VERIFY))) is False
    worker = on(project, Side.GREEN, CONFIG_MAPS, "back/worker") or {}
    assert worker["data"] == {"theirs": "kept", "queue": "orders"}
    assert annotations_of(worker)[marks.RUN] == progress_of(project).run
    intent = progress_of(project).of_key("adopt green ConfigMap back/worker")
    assert intent is not None
    assert intent.action.prior == {"uid": uid, "differs": ["data.queue"]}
    roll_back_to(project, Phase.BUILD)
    assert of_others(project) == before
    assert (on(project, Side.GREEN, CONFIG_MAPS, "back/worker") or {})["metadata"]["uid"] == uid
    assert run(project)


def test_what_is_adopted_has_nothing_beside_that_nobody_accepted(project: Project) -> None:
    """What the other team has more is named by path: it stands on green and not on blue, whoever keeps it."""
    settled_in(project, theirs="kept")
    with pytest.raises(CheckFailed, match=r"ConfigMap back/worker: differs at data\.theirs \(kubectl at"):
        run(with_policy(project, "adopt", more=""))
    assert run(with_policy(project, "adopt"))


def test_what_is_adopted_and_started_follows_blue(project: Project) -> None:
    """It is brought up to date as it runs: neither put to sleep in between, nor in the way of our own start."""
    run(project, BUILT)
    web = on(project, Side.BLUE, DEPLOYMENTS, "shop/web") or {}
    theirs(project, NAMESPACES, "shop")
    theirs(project, DEPLOYMENTS, "shop/web", spec={**web["spec"], "replicas": 0})
    project = with_policy(project, "adopt")
    verified = Life(until=Until(phase=Phase.VERIFY))
    run(project, verified)
    for change in ({"metadata": {"labels": {"new": "label"}}}, {"spec": {"replicas": 3}}):
        patched(project, Side.BLUE, DEPLOYMENTS, "shop/web", change)
        run(project, verified)
    green = on(project, Side.GREEN, DEPLOYMENTS, "shop/web") or {}
    assert (green["spec"]["replicas"], green["metadata"]["labels"]["new"]) == (3, "label")
    sent = [
        i for i in progress_of(project).intents() if i.action.key == "adopt green Deployment.apps shop/web"
    ]
    assert [i.stands for i in sent] == [True, True]  # how many run is its start's to follow
    roll_back_to(project, Phase.BUILD)
    assert not [
        k for k in annotations_of(on(project, Side.GREEN, DEPLOYMENTS, "shop/web") or {}) if marks.is_ours(k)
    ]
    assert run(project)


@pytest.mark.parametrize("policy", ["adopt", "skip"])
def test_what_was_settled_is_not_said_again(project: Project, policy: str) -> None:
    """A further pass has nothing to do: what was adopted is ours, and where a skipped one differs is its owner's."""
    settled_in(project, theirs="kept")
    project = with_policy(project, policy)
    verified = Life(until=Until(phase=Phase.VERIFY))
    run(project, verified)
    if policy == "skip":
        patched(
            project, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"theirs": None, "queue": "orders"}}
        )
    before = len(list(progress_of(project).intents()))
    run(project, verified)
    assert [i.action.key for i in list(progress_of(project).intents())[before:]] == []


def test_what_was_adopted_is_told_as_changed_where_blue_has_changed(project: Project) -> None:
    """The delta names it before the run, the run counts it, and then there is nothing left to do."""
    settled_in(project, theirs="kept")
    project = with_policy(project, "adopt")
    run(project, Life(until=Until(phase=Phase.VERIFY)))
    patched(project, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"lane": "fast"}})
    with opened(project) as asked:
        found = upcoming(asked.scene)
    assert [(c.act, str(c.ref), c.what) for c in found.changes] == [
        ("change", "ConfigMap back/worker", "changed on blue")
    ]
    assert found.changes[0].wave
    heard: list[str] = []
    run(project, Life(until=Until(phase=Phase.VERIFY), tell=lambda event: heard.append(event.text)))
    assert any(text.endswith("delta: 1 changed") for text in heard)
    with opened(project) as asked:
        assert upcoming(asked.scene) == Upcoming(())


def test_an_equal_object_stays_in_the_hands_of_who_made_it(project: Project) -> None:
    """It gets our marks alone: a field that we owned beside its maker would be in the way of that one's next apply."""
    settled_in(project, queue="orders")
    project = with_policy(project, "adopt")
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    worker = on(project, Side.GREEN, CONFIG_MAPS, "back/worker") or {}
    (ours,) = [e for e in worker["metadata"]["managedFields"] if e["manager"] == "cnimigrate"]
    assert "f:data" not in ours["fieldsV1"]


def test_a_field_that_others_own_is_told_before_anything_is_written(project: Project) -> None:
    """An adoption that green would refuse is known by a dry run; the manager and the field are named, and no value."""
    settled_in(project, queue="their-own-queue")
    before = of_others(project)
    project = with_policy(project, "adopt")
    said = refused(project)
    assert 'conflict with "kubectl"' in said.message
    assert ".data.queue" in said.message
    assert "their-own-queue" not in said.message
    assert of_others(project) == before
    assert not [i for i in progress_of(project).intents() if i.action.kind in {"create", "adopt"}]


def test_a_rule_says_it_for_one_object(project: Project) -> None:
    """The Namespace is adopted by the file, the ConfigMap left by a rule; the rule decides nothing else."""
    settled_in(project, queue="theirs")
    rule = "{kind: ConfigMap, namespace: back, onConflict: skip, reason: the platform's}"
    project = amended(project, f"{FILE}  onConflict: adopt\n  rules: [{rule}]\n")
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    said = told(project)
    assert "it is adopted" in said["on green Namespace back"].evidence
    assert "operator.1: the platform's" in said["on green ConfigMap back/worker"].evidence
    assert (on(project, Side.GREEN, CONFIG_MAPS, "back/worker") or {})["data"] == {"queue": "theirs"}


def test_another_runs_object_is_not_adopted(project: Project) -> None:
    """What carries another run's marks is that run's to give up."""
    run(project, BUILT)
    theirs(project, NAMESPACES, "back", metadata={"annotations": {marks.RUN: "other"}})
    said = refused(with_policy(project, "adopt"))
    assert "it carries the marks of run other" in said.message


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "words",
    [
        "write apply green namespaces /back",
        "write apply green configmaps back/worker",
        "journal outcome",
        "journal intent",
    ],
)
def test_killed_around_an_adoption_it_ends_alike(
    project: Project, tmp_path: Path, words: str, after: bool
) -> None:
    """Killed before the adoption or behind its effect, and resumed: the same end, and the same way back."""
    settled_in(project, theirs="kept")
    before = of_others(project)
    project = with_policy(project, "adopt")
    unbroken = copied(project, tmp_path / "unbroken")
    replayed = Until(phase=Phase.REPLAY)
    run(unbroken, Life(until=replayed))

    number = 1 if words.startswith("write") else 4
    fuse = Death(number, after=after, only=lambda said: said.startswith(words))
    with suppress(Killed):
        run(project, Life(fuse, until=replayed))
    assert fuse.dead
    run(project, Life(until=replayed))
    assert difference(ending_of(unbroken), ending_of(project)) == []
    roll_back_to(project, Phase.BUILD)
    assert of_others(project) == before


class Racing(Fuse):
    """Somebody who makes an object between our look and our write."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project: Project | None = project

    def around(self, words: str, call: Any) -> Any:
        """Make it right before our first create of a Role."""
        if (
            self._project is not None
            and words == "write create green roles.rbac.authorization.k8s.io back/reader"
        ):
            project, self._project = self._project, None
            theirs(project, ROLES, "back/reader", **READING)
        return call()


def test_what_appears_behind_the_look_is_met_and_settled_by_a_person(project: Project) -> None:
    """The create finds it: exit 33 with its key; resolved as done it gets our marks, and the run says what differs."""
    said = refused(project, Life(Racing(project), until=Until(phase=Phase.REPLAY)))
    assert "Role back/reader stands on green and is not from this run" in said.message
    (doubt,) = progress_of(project).in_doubt()
    with suppress(SystemExit):
        main(["resolve", doubt.action.key, "--as", "done", "--reason", "asked", "-f", str(project.file)])
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    role = on(project, Side.GREEN, ROLES, "back/reader") or {}
    assert role["rules"] == READING["rules"]
    assert annotations_of(role)[marks.RUN] == progress_of(project).run

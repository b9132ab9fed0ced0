"""Until the cutover begins, every run brings over what has changed on blue since: created, changed, deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from migrate.cli.project import Project
from migrate.cli.wiring import SystemClock
from migrate.engine import gates
from migrate.engine import journal as journals
from migrate.engine.runner import Until
from migrate.errors import CheckFailed, GateClosed, Invalid
from migrate.model.ids import BatchName, GateName, Phase, Side, StepId
from migrate.model.migration import GateSpec
from migrate.model.objects import Object, Resource, dig, name_of
from migrate.model.progress import Progress
from migrate.model.verdict import ACCEPTED
from migrate.replay import drift
from migrate.replay.edits import replaced
from migrate.replay.leaving import leaving
from migrate.simulation.faults import Fuse, Killed
from migrate.steps.base import blue_decided, read_blue
from tests.scenario.endings import effects_of
from tests.scenario.hands import (
    CONFIG_MAPS,
    CRON_JOBS,
    DEPLOYMENTS,
    ROLES,
    SERVICES,
    Late,
    created,
    deleted,
    patched,
)
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    amended,
    entries_of,
    opened,
    progress_of,
    roll_back_to,
    run,
    world_of,
)
from tests.scenario.turns import defined

_Result = TypeVar("_Result")

VERIFIED = Until(phase=Phase.VERIFY)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
REPLAY = (BatchName("all"), StepId("replay.objects"))
APPROVAL = {"before-cutover": GateSpec(mode="approval")}


@pytest.fixture
def verified(project: Project) -> Project:
    """A move whose green was verified, before its cutover."""
    run(project, Life(until=VERIFIED))
    return project


def green(project: Project, resource: Resource, where: str) -> Object | None:
    """An object of green, `where` as namespace/name."""
    namespace, _, name = where.partition("/")
    with world_of(project) as world:
        return world.cluster(Side.GREEN).get(resource, name, namespace)


def deployment(image: str = "example/new:1", **spec: Any) -> Mapping[str, Any]:
    """The spec of a Deployment of one pod."""
    labels = {"app": "new"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    return {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod, **spec}


def test_a_run_brings_over_what_has_changed(verified: Project) -> None:
    """New is created, changed is applied, gone is deleted; the next run has nothing more to do."""
    created(verified, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    patched(verified, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"queue": None, "lane": "fast"}})
    deleted(verified, Side.BLUE, ROLES, "back/reader")
    heard: list[str] = []
    run(verified, Life(until=VERIFIED, tell=lambda event: heard.append(event.text)))
    assert (green(verified, CONFIG_MAPS, "shop/new") or {})["data"] == {"a": "b"}
    assert (green(verified, CONFIG_MAPS, "back/worker") or {})["data"] == {"lane": "fast"}
    assert green(verified, ROLES, "back/reader") is None
    assert any(text.endswith("delta: 1 created, 1 changed, 1 deleted") for text in heard)
    assert run(verified)


def test_a_delta_lists_what_it_compares_once_a_side(verified: Project) -> None:
    """Of a big cluster the lists are what a delta costs; what is acted on is judged by the answer to its own write."""
    created(verified, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    patched(verified, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"lane": "fast"}})
    fuse = Fuse(only=lambda words: words.startswith("read "))
    run(verified, Life(fuse, until=Until(phase=Phase.REPLAY)))
    assert (green(verified, CONFIG_MAPS, "shop/new") or {})["data"] == {"a": "b"}
    a_list = 2  # one page, and the end behind it
    for name in ("configmaps", "secrets", "services", "networkpolicies.networking.k8s.io"):
        for side in Side:
            assert fuse.calls.count(f"read {side} {name}") == a_list, (side, name)


def test_what_blue_is_found_to_be_is_not_taken_for_what_it_is_a_minute_later(verified: Project) -> None:
    """Somebody changes blue while a command waits between composing and its first step: the step looks for itself."""
    with opened(verified) as begun:
        patched(verified, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"lane": "fast"}})
        begun.scene.doors.clock.sleep(61)
        begun.run(VERIFIED, {})
    assert (green(verified, CONFIG_MAPS, "back/worker") or {})["data"]["lane"] == "fast"


def test_a_run_with_nothing_to_bring_over_writes_nothing(verified: Project) -> None:
    """Runners come and go; no act, no verdict and no step is journalled, and green is not touched."""
    before = [e.kind for e in entries_of(verified)]
    with world_of(verified) as world:
        effects = effects_of(world)
    for _ in range(2):
        run(verified, Life(until=VERIFIED))
    assert {e.kind.value for e in entries_of(verified)[len(before) :]} == {"runner"}
    with world_of(verified) as world:
        assert effects_of(world) == effects


def test_green_is_verified_again_after_a_delta(verified: Project) -> None:
    """What was judged of the former state is judged anew, even by a run that did not write the delta itself."""
    created(verified, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    run(verified, Life(until=Until(phase=Phase.REPLAY)))
    done = progress_of(verified).steps_done
    assert REPLAY in done
    assert (BatchName("all"), StepId("verify.green")) not in done
    run(verified, Life(until=VERIFIED))
    intents = [str(i.action.key) for i in progress_of(verified).intents()]
    assert intents.count("record parity") == 2


def test_what_was_started_stays_awake_while_it_changes(verified: Project) -> None:
    """A Deployment that serves gets its new image and never 0 replicas."""
    with world_of(verified) as world:
        web = world.cluster(Side.BLUE).get(DEPLOYMENTS, "web", "shop") or {}
    containers = [{**c, "image": "example/web:2"} for c in dig(web, "spec", "template", "spec", "containers")]
    change = {"spec": {"replicas": 3, "template": {"spec": {"containers": containers}}}}
    patched(verified, Side.BLUE, DEPLOYMENTS, "shop/web", change)
    run(verified, Life(until=Until(phase=Phase.REPLAY)))
    found = green(verified, DEPLOYMENTS, "shop/web")
    assert dig(found, "spec", "replicas") == 3
    assert dig(found, "spec", "template", "spec", "containers")[0]["image"] == "example/web:2"
    assert run(verified)


def test_what_may_not_run_on_both_sides_any_more_is_put_to_rest(verified: Project) -> None:
    """A Deployment that became exclusive is dormant again after the next run, and moves with the writers."""
    assert dig(green(verified, DEPLOYMENTS, "shop/web"), "spec", "replicas")
    patched(verified, Side.BLUE, DEPLOYMENTS, "shop/web", {"spec": {"strategy": {"type": "Recreate"}}})
    run(verified, Life(until=VERIFIED))
    assert dig(green(verified, DEPLOYMENTS, "shop/web"), "spec", "replicas") == 0
    assert run(verified)
    assert dig(green(verified, DEPLOYMENTS, "shop/web"), "spec", "replicas")


@pytest.mark.parametrize("after", [False, True])
def test_what_is_put_to_rest_is_seen_off(verified: Project, *, after: bool) -> None:
    """Nothing follows before its pods are gone; a run that was killed there sees it off when it is resumed, once."""
    patched(verified, Side.BLUE, DEPLOYMENTS, "shop/web", {"spec": {"strategy": {"type": "Recreate"}}})
    at_rest = "write patch green deployments.apps shop/web"
    with pytest.raises(Killed):
        run(
            verified,
            Life(Death(1, after=after, only=lambda words: words.startswith(at_rest)), until=VERIFIED),
        )
    for _ in range(2):
        run(verified, Life(until=VERIFIED))
        found = [str(i.action.key) for i in progress_of(verified).intents()]
        waits = [key for key in found if key.endswith("to be at rest on green")]
        assert waits == ["wait Deployment shop/web to be at rest on green"]
        rest = next(
            n for n, key in enumerate(found) if key.startswith("undo:") and key.endswith("undo start")
        )
        assert rest < found.index(waits[0]) < found.index("apply green Deployment.apps shop/web")
    with world_of(verified) as world:
        names = [
            name_of(pod) for page in world.cluster(Side.GREEN).pages(PODS, namespace="shop") for pod in page
        ]
    assert not [name for name in names if name.startswith("web-")]


@dataclass
class Keeping(Fuse):
    """A green that refuses to put a Deployment to rest."""

    begun: list[str] = field(default_factory=list)

    def around(self, words: str, call: Callable[[], _Result]) -> _Result:
        """Refuse the patch that takes the start back; note what is written all the same."""
        if words.startswith("write patch green deployments.apps shop/web"):
            message = 'admission webhook "w.example.com" denied the request: not now'
            raise Invalid(message, status=403, reason="Forbidden")
        if words.startswith(("write create green", "write apply green")):
            self.begun.append(words)
        return call()


def test_what_may_not_be_put_to_rest_stops_the_run(verified: Project) -> None:
    """A refused way back is told with the server's words, nothing is written beside it, and the next run tries again."""
    patched(verified, Side.BLUE, DEPLOYMENTS, "shop/web", {"spec": {"strategy": {"type": "Recreate"}}})
    created(verified, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    keeping = Keeping()
    with pytest.raises(CheckFailed, match=r"Deployment shop/web.*denied the request: not now") as caught:
        run(verified, Life(keeping, until=VERIFIED))
    assert caught.value.exit_code == 30
    assert keeping.begun == []
    run(verified, Life(until=VERIFIED))
    assert dig(green(verified, DEPLOYMENTS, "shop/web"), "spec", "replicas") == 0
    assert green(verified, CONFIG_MAPS, "shop/new") is not None
    checks = progress_of(verified).verdicts(BatchName("all"))
    assert not [v.check for v in checks if v.check.startswith(ACCEPTED) and not v.passed]


def test_what_does_not_go_off_stops_the_run(verified: Project) -> None:
    """A pod that stays is named, and nothing is written beside it; the next run waits again."""
    patched(verified, Side.BLUE, DEPLOYMENTS, "shop/web", {"spec": {"strategy": {"type": "Recreate"}}})
    created(verified, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})

    def stuck(obj: Object) -> Object:
        return replaced(obj, ("spec", "replicas"), 2) if name_of(obj) == "web" else obj

    late = Late({"green deployments.apps"}, stuck, sleeps=10_000)
    with pytest.raises(CheckFailed, match="Deployment shop/web still "):
        run(verified, Life(late, until=VERIFIED))
    assert green(verified, CONFIG_MAPS, "shop/new") is None
    run(verified, Life(until=VERIFIED))
    assert green(verified, CONFIG_MAPS, "shop/new") is not None


def test_what_is_new_is_dormant_where_it_must(verified: Project) -> None:
    """A CronJob that is new on blue follows only at the cutover, a worker is held: the ledger has both."""
    job = {
        "spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b:1"}]}}
        }
    }
    created(verified, Side.BLUE, CRON_JOBS, "back/new", spec={"schedule": "0 0 1 1 *", "jobTemplate": job})
    created(verified, Side.BLUE, DEPLOYMENTS, "back/new", spec=deployment())
    run(verified, Life(until=VERIFIED))
    assert green(verified, CRON_JOBS, "back/new") is None
    assert dig(green(verified, DEPLOYMENTS, "back/new"), "spec", "replicas") == 0
    assert run(verified)
    assert green(verified, CRON_JOBS, "back/new") is not None
    assert dig(green(verified, DEPLOYMENTS, "back/new"), "spec", "replicas") == 1


def test_a_namespace_does_not_go_unasked(verified: Project) -> None:
    """An answer of a sick blue must not empty green: exit 30, nothing deleted, until a person names the number."""
    deleted(verified, Side.BLUE, NAMESPACES, "/back")
    with world_of(verified) as world:
        world.clock().sleep(30)
    with pytest.raises(CheckFailed, match="Namespace back: gone from blue") as caught:
        run(verified)
    assert "--accept-deletions" in caught.value.remedy
    assert green(verified, NAMESPACES, "/back") is not None
    accepted = int(caught.value.remedy.split("--accept-deletions ")[1].split(";")[0])
    with pytest.raises(CheckFailed):
        run(verified, Life(deletions=accepted - 1))
    assert green(verified, NAMESPACES, "/back") is not None
    run(verified, Life(deletions=accepted, until=VERIFIED))
    assert green(verified, NAMESPACES, "/back") is None
    kept = [i for i in progress_of(verified).intents() if i.action.kind == "retain" and i.stands]
    assert [i.action.params["claim"] for i in kept] == ["back/work"]
    assert run(verified)


@pytest.mark.parametrize("word", ["skip", "hold"])
def test_a_custom_resource_that_blue_still_has_does_not_go_unasked(project: Project, word: str) -> None:
    """Its operator on green would clear what blue uses outside the cluster; gone from blue it goes unasked."""
    bucket = Resource("example.com", "v1", "buckets", "Bucket", namespaced=True)
    defined(project, bucket)
    with world_of(project) as world:
        world.clock().sleep(10)  # until it is Established
    for name in ("kept", "gone"):
        created(project, Side.BLUE, bucket, f"back/{name}", spec={"size": 1})
    run(project, Life(until=VERIFIED))
    deleted(project, Side.BLUE, bucket, "back/gone")
    run(project, Life(until=VERIFIED))
    assert green(project, bucket, "back/gone") is None
    rule = f"{{kind: Bucket, namespace: back, name: kept, {word}: true, reason: later}}"
    project = amended(project, f"{FILE}  rules: [{rule}]\n")
    with pytest.raises(CheckFailed, match=r"1 of .* on green: Bucket\.example\.com back/kept"):
        run(project, Life(until=VERIFIED))
    assert green(project, bucket, "back/kept") is not None
    run(project, Life(until=VERIFIED, deletions=1))
    assert green(project, bucket, "back/kept") is None


def test_an_approval_stands_while_nothing_of_it_changes(verified: Project) -> None:
    """A ConfigMap more voids nothing; a workload more that moves behind the gate asks again."""
    with pytest.raises(GateClosed):
        run(verified, Life(gates=APPROVAL))
    approve(verified)
    created(verified, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    created(verified, Side.BLUE, DEPLOYMENTS, "back/new", spec=deployment())
    with pytest.raises(GateClosed, match="1 given before no longer binds"):
        run(verified, Life(gates=APPROVAL))
    approve(verified)
    created(verified, Side.BLUE, CONFIG_MAPS, "shop/newer", data={"a": "b"})
    assert run(verified, Life(gates=APPROVAL))


def approve(project: Project) -> None:
    """Approve the cutover from another terminal, as it was last reached."""
    with journals.open_(project.journal, SystemClock()) as journal:
        progress = Progress(journal.entries())
        seen = gates.view(
            progress,
            BatchName("all"),
            GateName("before-cutover"),
            GateSpec(mode="approval"),
            datetime.now(UTC),
        )
        journal.append([gates.event(seen, "approved", by="ana", user="ana")])


def test_a_rollback_takes_a_delta_back_too(verified: Project) -> None:
    """What a delta made goes with the replay, what it deleted is not looked for; and the move goes forward again."""
    created(verified, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    deleted(verified, Side.BLUE, ROLES, "back/reader")
    patched(verified, Side.BLUE, SERVICES, "shop/api", {"metadata": {"labels": {"team": "a"}}})
    run(verified, Life(until=VERIFIED))
    roll_back_to(verified, Phase.BUILD)
    assert green(verified, NAMESPACES, "/shop") is None
    assert run(verified)


def test_what_is_deleted_and_made_again_on_blue_is_so_on_green(verified: Project) -> None:
    """A delta each: the object goes, and comes as it is on blue then."""
    deleted(verified, Side.BLUE, ROLES, "back/reader")
    run(verified, Life(until=VERIFIED))
    created(verified, Side.BLUE, ROLES, "back/reader", rules=[])
    run(verified, Life(until=VERIFIED))
    assert green(verified, ROLES, "back/reader") is not None
    assert run(verified)


def test_what_cannot_change_in_place_is_a_persons_word(verified: Project) -> None:
    """A ConfigMap that was sealed and made anew on blue: green's server refuses, and says so; deleted there, it is made anew."""
    deleted(verified, Side.BLUE, CONFIG_MAPS, "back/worker")
    created(verified, Side.BLUE, CONFIG_MAPS, "back/worker", data={"queue": "one"}, immutable=True)
    run(verified, Life(until=VERIFIED))
    deleted(verified, Side.BLUE, CONFIG_MAPS, "back/worker")
    created(verified, Side.BLUE, CONFIG_MAPS, "back/worker", data={"queue": "two"}, immutable=True)
    with pytest.raises(CheckFailed, match="field is immutable") as caught:
        run(verified)
    assert "kubectl delete configmap worker -n back on green, and run again" in caught.value.remedy
    deleted(verified, Side.GREEN, CONFIG_MAPS, "back/worker")
    run(verified, Life(until=VERIFIED))
    assert (green(verified, CONFIG_MAPS, "back/worker") or {})["data"] == {"queue": "two"}
    assert run(verified)


def test_what_could_not_be_read_is_not_gone(verified: Project) -> None:
    """A kind that blue does not let itself be listed: nothing of it is deleted on green."""
    progress = progress_of(verified)
    with opened(verified) as begun:
        inventory = read_blue(begun.scene, begun.scene.doors.green.resources())
        blind = replace(
            inventory,
            objects={r: found for r, found in inventory.objects.items() if r.kind != "Role"},
            unreadable={"roles.rbac.authorization.k8s.io": "forbidden"},
        )
        blue, decisions = blue_decided(begun.scene, blind)
        known = drift.recorded(progress, {})
        assert any(ref.kind == "Role" for ref in known.hashes)
        assert leaving(decisions, known, blue) == ()
        seen = replace(blind, unreadable={})
        blue, decisions = blue_decided(begun.scene, seen)
        assert {d.ref.kind for d in leaving(decisions, known, blue)} == {"Role"}


def test_how_a_held_one_is_let_go_follows_blue(verified: Project) -> None:
    """Replicas of a worker that moves with the writers: nothing is written on green, and it wakes up with today's."""
    patched(verified, Side.BLUE, DEPLOYMENTS, "back/worker", {"spec": {"replicas": 3}})
    run(verified, Life(until=VERIFIED))
    assert dig(green(verified, DEPLOYMENTS, "back/worker"), "spec", "replicas") == 0
    assert run(verified)
    assert dig(green(verified, DEPLOYMENTS, "back/worker"), "spec", "replicas") == 3


def test_a_way_back_before_the_cutover_opens_the_delta_again(verified: Project) -> None:
    """A rollback to the verification opens the cutover again: what changed meanwhile comes over."""
    run(verified, Life(until=Until(gate=GateName("before-writers"))))
    created(verified, Side.BLUE, CONFIG_MAPS, "shop/new", data={"a": "b"})
    roll_back_to(verified, Phase.VERIFY)
    assert run(verified)
    assert green(verified, CONFIG_MAPS, "shop/new") is not None

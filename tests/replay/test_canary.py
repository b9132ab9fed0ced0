"""What a canary pod is made of, and what its answer says beside a pod that runs on blue."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.inventory import Inventory
from migrate.model.migration import Accepted
from migrate.model.objects import Object, Ref, Resource
from migrate.model.verdict import Result
from migrate.replay import canary

WEB = Ref("apps", "Deployment", "shop", "web")
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
SETS = Resource("apps", "v1", "replicasets", "ReplicaSet", namespaced=True)
STATEFUL = Resource("apps", "v1", "statefulsets", "StatefulSet", namespaced=True)
JOBS = Resource("batch", "v1", "jobs", "Job", namespaced=True)


def workload(kind: str = "Deployment", **spec: Any) -> dict[str, Any]:
    """A workload of one container, as green has it."""
    template = {
        "metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}, "creationTimestamp": None},
        "spec": {"containers": [{"name": "main", "image": "web:1"}], "nodeName": "blue-1"},
    }
    metadata = {"name": "web", "namespace": "shop", "uid": "u-1"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"template": template, **spec},
    }


def pod(name: str, maker: str, *containers: str, kind: str = "ReplicaSet", **more: Any) -> dict[str, Any]:
    """A pod that runs on blue, each container as name=image."""
    owner = {"apiVersion": "apps/v1", "kind": kind, "name": maker, "uid": "u-2", "controller": True}
    found = [dict(zip(("name", "image"), c.split("="), strict=True)) for c in containers]
    metadata = {"name": name, "namespace": "shop", "ownerReferences": [owner], **more}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": found},
        "status": {"phase": "Running"},
    }


def replica_set(name: str, *containers: str) -> dict[str, Any]:
    """A revision of the Deployment `web`."""
    made = workload("ReplicaSet")
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u-1", "controller": True}
    made["metadata"] = {"name": name, "namespace": "shop", "ownerReferences": [owner]}
    made["spec"]["template"] = {"spec": pod("x", "x", *containers)["spec"]}
    return made


def blue(*objects: Object) -> Inventory:
    """Blue with these pods and their makers."""
    by_kind = {r.kind: r for r in (PODS, SETS, STATEFUL, JOBS)}
    found: dict[Resource, list[Object]] = {r: [] for r in by_kind.values()}
    for obj in objects:
        found[by_kind[obj["kind"]]].append(obj)
    return Inventory(tuple(found), found)


def test_a_canary_has_the_template_s_form_and_an_owner_but_no_node() -> None:
    """Labels, annotations and spec are the template's; name, namespace and owner are the workload's."""
    made = canary.canary(workload())
    assert made is not None
    assert made["metadata"]["name"] == "web-canary"
    assert made["metadata"]["labels"] == {"app": "web"}
    assert made["metadata"]["annotations"] == {"a": "b"}
    assert made["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert made["spec"] == {"containers": [{"name": "main", "image": "web:1"}]}
    assert canary.canary(workload(template={})) is None


def test_a_stateful_set_s_canary_has_the_volumes_of_its_first_claims() -> None:
    """A claim template takes the place of a volume of that name, as the controller has it."""
    made = workload("StatefulSet", volumeClaimTemplates=[{"metadata": {"name": "data"}}])
    made["spec"]["template"]["spec"]["volumes"] = [
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    found = canary.canary(made)
    assert found is not None
    assert found["spec"]["volumes"] == [
        {"name": "tmp", "emptyDir": {}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
    ]


def test_what_is_injected_is_what_the_newest_pod_has_beyond_its_own_revision() -> None:
    """A container that an older revision had is not injected, nor what an older pod had before the injector came."""
    there = canary.running(
        blue(
            replica_set("web-1", "main=web:1", "helper=h:1"),
            replica_set("web-2", "main=web:2"),
            pod("a", "web-1", "main=web:1", "helper=h:1", creationTimestamp="2026-01-01T00:00:00Z"),
            pod("b", "web-2", "main=web:2", "proxy=p:1", creationTimestamp="2026-01-02T00:00:00Z"),
        )
    )
    assert there == {WEB: {"proxy": "p:1"}}


def test_pods_that_do_not_run_or_are_of_another_revision_say_nothing() -> None:
    """Finished and terminating pods, pods without a maker that stands, and a StatefulSet's earlier revision."""
    stateful = {**workload("StatefulSet"), "status": {"updateRevision": "web-2"}}
    old = pod(
        "a", "web", "main=web:1", "p=p:1", kind="StatefulSet", labels={"controller-revision-hash": "web-1"}
    )
    done = {**pod("b", "web-1", "main=web:1", "p=p:1"), "status": {"phase": "Succeeded"}}
    going = pod("c", "web-1", "main=web:1", "p=p:1", deletionTimestamp="2026-01-01T00:00:00Z")
    alone = pod("d", "gone", "main=web:1", "p=p:1")
    assert canary.running(blue(stateful, replica_set("web-1", "main=web:1"), old, done, going, alone)) == {}


def test_a_cron_job_s_canary_is_owned_by_a_job_and_a_bare_pod_s_by_nobody() -> None:
    """What green does not have yet has no UID either, and a reference without one is refused."""
    template = workload()["spec"]["template"]
    metadata = {"name": "web", "namespace": "shop"}
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata}
    found = canary.canary({**cron, "spec": {"jobTemplate": {"spec": {"template": template}}}})
    assert found is not None
    (owner,) = found["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"], owner["controller"]) == ("batch/v1", "Job", True)
    assert owner["uid"]
    bare = canary.canary(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "labels": {"a": "b"}}, **template}
    )
    assert bare is not None
    assert "ownerReferences" not in bare["metadata"]


def test_a_pod_that_has_done_its_job_tells_what_is_injected_into_a_cron_job_s() -> None:
    """Such pods run for moments only; a Job without a CronJob speaks for itself, a bare Pod is its own template."""
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "web", "uid": "u-1", "controller": True}
    made = [{**workload("Job"), "apiVersion": "batch/v1"} for _ in range(2)]
    made[0]["metadata"] = {"name": "web-1", "namespace": "shop", "ownerReferences": [owner]}
    made[1]["metadata"] = {"name": "once", "namespace": "shop"}
    pods = [pod(f"{n}-a", n, "main=web:1", "proxy=p:1", kind="Job") for n in ("web-1", "once")]
    for done in pods:
        done["metadata"]["ownerReferences"][0]["apiVersion"] = "batch/v1"
        done["status"] = {"phase": "Succeeded"}
    alone = pod("alone", "x", "main=web:1", "proxy=p:1")
    del alone["metadata"]["ownerReferences"]
    assert canary.running(blue(*made, *pods, alone)) == {
        Ref("batch", "CronJob", "shop", "web"): {"proxy": "p:1"},
        Ref("batch", "Job", "shop", "once"): {"proxy": "p:1"},
        Ref("", "Pod", "shop", "alone"): {},
    }


def judged(answer: tuple[str, ...], there: dict[str, str] | None, *accept: Accepted) -> tuple[Result, str]:
    """The result and the words for an answer with these containers."""
    sent = pod("web-canary", "x", "main=web:1")
    said = canary.taken(WEB, sent, pod("web-canary", "x", *answer), there, accept)
    whole = "canary pod of Deployment shop/web"
    assert said.check == (whole if there is not None else f"{whole}, not checked")
    return said.result, said.evidence


def test_what_blue_has_and_green_lacks_fails_by_name() -> None:
    """The container is named; an init container of that name on green is as good."""
    assert judged(("main=web:1",), {"proxy": "p:1"}) == (
        Result.FAIL,
        "proxy: injected into its pod on blue and not on green",
    )
    native = pod("web-canary", "x", "main=web:1")
    native["spec"]["initContainers"] = [{"name": "proxy", "image": "p:1"}]
    assert canary.taken(WEB, pod("web-canary", "x", "main=web:1"), native, {"proxy": "p:1"}, ()).passed


@pytest.mark.parametrize(
    ("answer", "there", "said"),
    [
        (("main=web:1",), None, "no pod of it runs on blue to compare with"),
        (("main=web:1", "proxy=p:2"), {"proxy": "p:1"}, "injected: proxy (p:2); proxy has p:1 on blue"),
        (("main=web:1", "scan=s:1"), {}, "injected: scan (s:1); scan is not injected on blue"),
    ],
)
def test_other_images_and_more_than_blue_has_are_told(
    answer: tuple[str, ...], there: dict[str, str] | None, said: str
) -> None:
    """They pass, in words."""
    assert judged(answer, there) == (Result.PASS, f"taken by green's server; {said}")


def test_a_container_may_be_left_out_by_the_operator_s_word() -> None:
    """`verify.accept` with the workload's name and the path of its containers; another path is not enough."""
    entry = Accepted(kind="Deployment", name="web", path=canary.CONTAINERS, reason="the mesh stays behind")
    result, said = judged(("main=web:1",), {"proxy": "p:1"}, entry)
    assert result is Result.PASS
    assert "without proxy, accepted: the mesh stays behind" in said
    other = entry.model_copy(update={"path": "spec.replicas"})
    assert judged(("main=web:1",), {"proxy": "p:1"}, other)[0] is Result.FAIL


def test_a_refusal_fails_with_the_server_s_words_and_the_path() -> None:
    """Only what says nothing of the pod itself is told as not checked."""
    said = canary.refused(WEB, "exceeded quota: few", "/api/v1/namespaces/shop/pods/web-canary")
    assert (said.result, said.evidence) == (
        Result.FAIL,
        "exceeded quota: few, at /api/v1/namespaces/shop/pods/web-canary",
    )
    skipped = canary.refused(WEB, 'admission webhook "a.example.com" does not support dry run', "/api")
    assert skipped.passed
    assert skipped.check == "canary pod of Deployment shop/web, not checked"
    assert skipped.evidence.startswith("not checked by a dry run: ")


def test_a_webhook_that_insists_and_does_not_answer_is_a_failure() -> None:
    """Every pod of the workload would be refused like this, so nothing may start."""
    said = canary.refused(WEB, 'failed calling webhook "mesh.example.com": no endpoints available', "/api")
    assert said.result is Result.FAIL

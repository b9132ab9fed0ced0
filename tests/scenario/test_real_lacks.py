"""What a real green lacks: a class, a version of an API, room or leave for a Pod, a webhook that says yes."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from migrate.model.ids import Side
from migrate.model.objects import Object
from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.control_plane import ControlPlane
from tests.lab.webhooks import answering
from tests.scenario import real
from tests.scenario.asking import answer, stands, until
from tests.scenario.standing_blue import StandingBlue

pytestmark = pytest.mark.haproxy

DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
RUNTIMES = "/apis/node.k8s.io/v1/runtimeclasses"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
STRICT, FULL = "/api/v1/namespaces/strict", "/api/v1/namespaces/full"
REFUSED = (
    f"{FULL}/pods/one-more",
    *(f"{STRICT}/pods/{name}" for name in ("loose", "sandboxed", "denied", "unasked")),
)
DENIAL = "not on a Monday"
LEVEL = "pod-security.kubernetes.io/enforce"

CONTAINER = {"name": "main", "image": "registry.example/lone:1"}
CLOSED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
HARDENED = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [{**CONTAINER, "securityContext": CLOSED}],
}
"""A pod that any Pod Security level lets in."""


@pytest.fixture
def move(blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path) -> real.Move:
    """A move that has built green; its blue has two namespaces more, with an object for each trouble."""
    with real.door(blue.plane, Side.BLUE) as cluster:
        real.put(cluster, [definition(served=["v1", "v2"])])
        until(blue.plane, "v2 is served", partial(stands, blue.plane, "/apis/example.com/v2/widgets"))
        real.put(cluster, classes())
        real.put(cluster, full(), "full")
        real.put(cluster, strict(), "strict")
    until(
        blue.plane, "the claim is Bound", lambda: phase(blue.plane, "persistentvolumeclaims/data") == "Bound"
    )
    # pods that run are not asked again, until somebody creates them anew
    blue.plane.api.patch(STRICT, {"metadata": {"labels": {LEVEL: "restricted"}}})
    move = blue.move(tmp_path, green, balancer)
    file = real.migration(move, blue.data)
    file["workloads"]["rules"] += [
        {"kind": "StorageClass", "name": "disks", "skip": True, "reason": "green has others"},
        {"kind": "RuntimeClass", "name": "sandbox", "skip": True, "reason": "green has others"},
        *(
            {"kind": "Pod", "namespace": n, "name": "*", "replay": True, "reason": "wanted"}
            for n in ("strict", "full")
        ),
    ]
    file["workloads"]["volumes"] = [
        {"namespace": "full", "name": "data", "as": "empty", "reason": "nobody wants it"}
    ]
    real.write_file(move, file)
    move.go("--until", "build")
    return move


def named(version: str, kind: str, name: str, **body: Any) -> Object:
    """An object of some name."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}


def definition(served: list[str]) -> Object:
    """A kind of two versions, of which only some are served."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [
        {"name": name, "served": name in served, "storage": name == "v1", "schema": schema}
        for name in ("v1", "v2")
    ]
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions}
    return named("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.com", spec=spec)


def classes() -> list[Object]:
    """Classes that green does not get, and a volume of one of them."""
    volume = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "storageClassName": "disks",
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": "/nowhere"},
    }
    return [
        named("storage.k8s.io/v1", "StorageClass", "disks", provisioner="kubernetes.io/no-provisioner"),
        named("node.k8s.io/v1", "RuntimeClass", "sandbox", handler="sandbox"),
        named("v1", "PersistentVolume", "disk-1", spec=volume),
    ]


def full() -> list[Object]:
    """A claim, a Service, a custom resource, a Pod."""
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "disks",
    }
    return [
        named("v1", "Namespace", "full"),
        named("v1", "PersistentVolumeClaim", "data", spec=claim),
        named("v1", "Service", "behind", spec={"ports": [{"port": 80}]}),
        named("example.com/v2", "Widget", "only", spec={"size": 1}),
        named("v1", "Pod", "one-more", spec={"containers": [CONTAINER]}),
    ]


def strict() -> list[Object]:
    """A Pod that its namespace would not let in again, one of a class, two for webhooks, and one that is welcome."""
    return [
        named("v1", "Namespace", "strict"),
        named("v1", "Pod", "loose", spec={"containers": [CONTAINER]}),
        named("v1", "Pod", "sandboxed", spec={**HARDENED, "runtimeClassName": "sandbox"}),
        *(named("v1", "Pod", name, spec=HARDENED) for name in ("denied", "unasked", "welcome")),
    ]


def webhook(name: str, where: dict[str, Any]) -> dict[str, Any]:
    """Have a webhook judge one Pod; a Pod is refused where it cannot be asked."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {
        "name": f"{name}.example.com",
        "clientConfig": where,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "matchConditions": [{"name": "it", "expression": f"object.metadata.name == '{name}'"}],
        "rules": [rule],
    }
    return {"metadata": {"name": name}, "webhooks": [hook]}


def phase(plane: ControlPlane, path: str) -> str:
    """The phase of an object of the namespace `full`."""
    plane.api.close()
    return str(plane.api.get(f"{FULL}/{path}")["status"].get("phase"))


def test_what_green_lacks_holds_its_wave_until_green_has_it(
    move: real.Move, blue: StandingBlue, green: ControlPlane, tmp_path: Path
) -> None:
    """A class is waited for by the run itself; a version that is gone, and Pods that are refused, end it with exit 30."""
    runner = move.start("run", "--yes", "--until", "replay")
    waits_for_the_class(runner, green)
    green.api.patch(DEFINITION, {"spec": definition(served=["v1"])["spec"]})
    until(green, "v2 is gone", lambda: not stands(green, "/apis/example.com/v2"))
    disks = {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}
    green.api.create(CLASSES, named("storage.k8s.io/v1", "StorageClass", "disks", **disks))
    ended = runner.end()
    assert ended.code == 30, ended.said
    assert "1 waiting for their first consumer: full/data" in ended.said
    assert "404 page not found: nothing is served at this path" in ended.said
    assert "at /apis/example.com/v2/namespaces/full/widgets/only" in ended.said
    assert "green refused 1 object of wave 10; the rest of it stands" in ended.said
    green.api.close()
    assert stands(green, f"{FULL}/services/behind")
    assert not stands(green, f"{STRICT}/pods/welcome")
    with answering(tmp_path, lambda _: {"allowed": False, "status": {"message": DENIAL}}) as denying:
        refused_pods(move, blue, green, denying)


def waits_for_the_class(runner: real.Alive, green: ControlPlane) -> None:
    """Wave 7: the claim is Pending in the server's own words, and nothing of wave 8 is there."""
    words = 'PersistentVolumeClaim full/data is Pending, of class disks: storageclass.storage.k8s.io "disks" not found'
    end = time.monotonic() + 60
    while words not in runner.said():
        if runner.process.poll() is not None or time.monotonic() > end:
            runner.kill()
            pytest.fail(runner.said()[-4000:])
        time.sleep(0.1)
    assert phase(green, "persistentvolumeclaims/data") == "Pending"
    assert not stands(green, f"{FULL}/services/behind")


def refused_pods(move: real.Move, blue: StandingBlue, green: ControlPlane, denying: dict[str, Any]) -> None:
    """Wave 11: five Pods are refused, each for a reason of its own, and the sixth stands."""
    stand_in_the_way(green, denying)
    said = move.go("--until", "replay", code=30)
    assert "green refused 5 objects of wave 11; the rest of it stands" in said
    told = move.must("status")  # a run that ends spells out the first few
    green.api.close()
    assert green.api.get("/apis/example.com/v1/namespaces/full/widgets/only")["spec"] == {"size": 1}
    for words in (
        "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0",
        'violates PodSecurity "restricted:latest"',
        'pod rejected: RuntimeClass "sandbox" not found',
        f'admission webhook "denied.example.com" denied the request: {DENIAL}',
        'failed calling webhook "unasked.example.com"',
    ):
        assert words in told
    for path in REFUSED:
        assert f"at {path}" in told
        assert not stands(green, path)
    assert stands(green, f"{STRICT}/pods/welcome")
    make_way(green)
    blue.plane.api.close()
    blue.plane.api.patch(STRICT, {"metadata": {"labels": {LEVEL: "baseline"}}})
    move.go("--until", "replay")
    green.api.close()
    for path in REFUSED:
        assert stands(green, path)


def stand_in_the_way(green: ControlPlane, denying: dict[str, Any]) -> None:
    """A quota, a webhook that denies, and one that nobody answers for."""
    green.api.create(
        f"{FULL}/resourcequotas", {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    )
    green.api.create(HOOKS, webhook("denied", denying))
    green.api.create(HOOKS, webhook("unasked", {"url": "https://127.0.0.1:1/"}))
    for words, path, pod in (
        ("exceeded quota", f"{FULL}/pods", tried("any")),
        (DENIAL, f"{STRICT}/pods", tried("denied")),
        ("failed calling webhook", f"{STRICT}/pods", tried("unasked")),
    ):
        until(green, words, partial(says, green, path, pod, words))


def make_way(green: ControlPlane) -> None:
    """Take these away, and give green the class that a Pod wants."""
    green.api.delete(f"{FULL}/resourcequotas/none")
    for name in ("denied", "unasked"):
        green.api.delete(f"{HOOKS}/{name}")
    green.api.create(RUNTIMES, named("node.k8s.io/v1", "RuntimeClass", "sandbox", handler="sandbox"))
    for path, name in ((FULL, "any"), (STRICT, "denied"), (STRICT, "unasked")):
        until(green, f"{name} is let in", partial(lets_in, green, f"{path}/pods", tried(name)))


def tried(name: str) -> dict[str, Any]:
    """A Pod that any Pod Security level lets in."""
    return {"metadata": {"name": name}, "spec": HARDENED}


def says(green: ControlPlane, path: str, pod: dict[str, Any], words: str) -> bool:
    """Whether green's server says so of a Pod that is only tried."""
    return words in answer(green, path, pod)


def lets_in(green: ControlPlane, path: str, pod: dict[str, Any]) -> bool:
    """Whether green's server would take a Pod."""
    return not answer(green, path, pod)

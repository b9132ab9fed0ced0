"""What a cluster says of itself."""

from __future__ import annotations

from migrate.doors.cluster import Cluster, ClusterIdentity
from migrate.model.ids import Side
from migrate.model.objects import Resource
from tests.kube.conftest import Open, Serve
from tests.kube.faulty import Received, Reply
from tests.kube.kinds import SECRETS


def answers(received: Received) -> Reply:
    """The few paths that are asked."""
    match received.path.removeprefix("/k8s/clusters/c-1"):
        case "/api/v1/namespaces/kube-system":
            return Reply(200, {"kind": "Namespace", "metadata": {"uid": "u-1"}})
        case "/version":
            return Reply(200, {"gitVersion": "v1.35.4"})
        case _:
            asked = received.body["spec"]["resourceAttributes"]
            allowed = asked["verb"] == "get" and asked["subresource"] == ""
            return Reply(201, {"kind": "SelfSubjectAccessReview", "status": {"allowed": allowed}})


def test_identity_is_that_of_kube_system(serve: Serve, door: Open) -> None:
    """The server's URL keeps the path of a proxy before it and loses a password."""
    server = serve(answers)
    cluster: Cluster = door(server.url.replace("://", "://me:hunter2@") + "/k8s/clusters/c-1/")
    assert (cluster.side, cluster.name) == (Side.GREEN, "them")
    assert cluster.identity() == ClusterIdentity("u-1", "v1.35.4", f"{server.url}/k8s/clusters/c-1", "")
    assert cluster.identity().minor == (1, 35)


def test_rights_are_asked_of_the_server(serve: Serve, door: Open) -> None:
    """The review names verb, group, resource, subresource and namespace."""
    server = serve(answers)
    cluster = door(server.url)
    assert cluster.may("get", SECRETS, "shop")
    assert not cluster.may("delete", SECRETS, "shop")
    assert not cluster.may("get", Resource("apps", "v1", "deployments/scale", "Scale", namespaced=True))
    asked = server.received[-1].body["spec"]["resourceAttributes"]
    assert asked == {
        "verb": "get",
        "group": "apps",
        "resource": "deployments",
        "subresource": "scale",
        "namespace": "",
    }

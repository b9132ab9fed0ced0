"""Who makes what a custom resource controls is told by RBAC, and waits with it on one side."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.objects import Ref
from migrate.replay.blue import Blue
from migrate.replay.classes import EXCLUSIVE, UNKNOWN, Classes
from migrate.replay.handover import handovers
from migrate.replay.parents import Parents
from migrate.replay.rights import Account, Granted, Rights
from tests.replay.builders import decided, deployment, inventory, migration, obj, owner

RBAC = "rbac.authorization.k8s.io"
GROUP = "example.net"
SHOP = obj("Namespace", "shop")
QUEUE = obj("Queue", "orders", "shop", f"{GROUP}/v1", uid="q-1")
QUEUE_REF = Ref(GROUP, "Queue", "shop", "orders")
WORKER = Ref("apps", "Deployment", "shop", "orders")


def made(by: dict[str, Any], name: str = "orders", **spec: Any) -> dict[str, Any]:
    """A Deployment that a custom resource controls."""
    return {
        **(found := deployment(name, **spec)),
        "metadata": {**found["metadata"], "ownerReferences": owner(by)},
    }


def rule(group: str, resource: str, *verbs: str) -> dict[str, Any]:
    """A rule of a role."""
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def bound(name: str, *rules: dict[str, Any], to: dict[str, str], namespace: str = "") -> list[dict[str, Any]]:
    """A ClusterRole with a binding, of the cluster or of a namespace."""
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    role = {"kind": "ClusterRole", "name": name}
    return [
        obj("ClusterRole", name, api=f"{RBAC}/v1", rules=list(rules)),
        obj(kind, name, namespace, f"{RBAC}/v1", roleRef=role, subjects=[to]),
    ]


def account(name: str, namespace: str = "shop") -> dict[str, str]:
    """A ServiceAccount as a subject."""
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def maker(name: str, **pod: Any) -> dict[str, Any]:
    """A Deployment whose pods have an account of its name."""
    return deployment(name, pod={"serviceAccountName": name, **pod})


MAKES = (rule(GROUP, "queues", "watch"), rule("apps", "deployments", "create"))
EVERYTHING = rule("*", "*", "*")


def parents(*objects: dict[str, Any]) -> Parents:
    """The custom resources of a cluster with these objects."""
    blue = Blue(inventory(SHOP, QUEUE, made(QUEUE), *objects), migration())
    return Parents(blue, Classes(blue))


def makers(*objects: dict[str, Any]) -> list[str]:
    """The names of those that make what the queue controls."""
    found = parents(*objects).of(QUEUE_REF)
    assert found is not None
    assert [(c.ref, c.word) for c in found.children] == [(WORKER, UNKNOWN)]
    return [ref.name for ref in found.makers]


@pytest.mark.parametrize(
    "to",
    [
        account("maker"),
        {"kind": "User", "name": "system:serviceaccount:shop:maker"},
        {"kind": "Group", "name": "system:serviceaccounts:shop"},
    ],
)
def test_a_right_is_found_by_whichever_name_it_is_granted_to(to: dict[str, str]) -> None:
    """To an account itself, as a user, and to the group of its namespace."""
    assert makers(*bound("maker", *MAKES, to=to), maker("maker")) == ["maker"]


def test_who_only_looks_makes_nothing() -> None:
    """A monitor may watch the kind and create nothing; a deployer may create and does not watch."""
    looks = bound("looks", rule(GROUP, "queues", "watch"), to=account("looks"))
    deploys = bound("deploys", rule("apps", "deployments", "create"), to=account("deploys"))
    assert makers(*looks, maker("looks"), *deploys, maker("deploys")) == []


def test_a_right_of_another_namespace_counts_for_nothing() -> None:
    """Bound in a namespace it says nothing of others."""
    elsewhere = bound("maker", *MAKES, to=account("maker"), namespace="other")
    assert makers(*elsewhere, maker("maker")) == []
    here = bound("maker", *MAKES, to=account("maker"), namespace="shop")
    assert makers(*here, maker("maker")) == ["maker"]


def test_who_may_do_everything_counts_where_nobody_has_the_right_by_name() -> None:
    """And among them nobody of whom it is known what else he does."""
    all_ = bound("all", EVERYTHING, to=account("all"))
    outside = bound("dns", EVERYTHING, to=account("dns"))
    names = [{"name": "a", "image": "registry.k8s.io/external-dns/external-dns:v1"}]
    around = (*all_, maker("all"), *outside, maker("dns", containers=names))
    assert makers(*around) == ["all"]
    assert makers(*around, *bound("maker", *MAKES, to=account("maker")), maker("maker")) == ["maker"]


def test_a_right_to_one_object_by_its_name_is_none_to_the_kind() -> None:
    """resourceNames does not let anybody create, or watch what is not there yet."""
    named = {**rule(GROUP, "queues", "watch"), "resourceNames": ["orders"]}
    rights = Rights(inventory(*bound("a", named, to=account("a"))))
    assert rights.granted(Account("shop", "a"), "watch", GROUP, "queues", "shop") is Granted.NOT


def test_who_makes_what_may_not_run_twice_is_followed_up_to_who_makes_that() -> None:
    """An installer's resource controls an operator that serves: it waits as well, because of what the operator makes."""
    install = obj("Install", "queues", "shop", f"{GROUP}/v1", uid="i-1")
    operator = made(install, "operator", pod={"serviceAccountName": "operator"})
    service = obj(
        "Service", "operator", "shop", spec={"selector": {"app": "operator"}, "ports": [{"port": 443}]}
    )
    top = (rule(GROUP, "installs", "watch"), rule("apps", "deployments", "create"))
    found = parents(
        install,
        operator,
        service,
        *bound("operator", *MAKES, to=account("operator")),
        *bound("installer", *top, to=account("installer")),
        maker("installer"),
    )
    above = found.of(Ref(GROUP, "Install", "shop", "queues"))
    assert above is not None
    assert [(c.ref.name, c.word, c.maker) for c in above.children] == [("operator", EXCLUSIVE, True)]
    assert [ref.name for ref in above.makers] == ["installer"]
    assert sorted(ref.name for ref in found.makers) == ["installer", "operator"]


def test_the_data_of_what_it_controls_is_handed_over_with_the_custom_resource() -> None:
    """The ledger knows the resource alone: a claim of its child waits for it, not for nobody."""
    claim = obj(
        "PersistentVolumeClaim",
        "orders",
        "shop",
        uid="c-1",
        spec={"accessModes": ["ReadWriteOnce"], "volumeName": "v"},
        status={"phase": "Bound"},
    )
    volume = {"name": "d", "persistentVolumeClaim": {"claimName": "orders"}}
    blue = inventory(
        SHOP,
        QUEUE,
        claim,
        made(QUEUE, pod={"volumes": [volume]}),
        *bound("maker", *MAKES, to=account("maker")),
        maker("maker"),
    )
    mover = {"kind": "command", "command": ["copy"]}
    said = {"namespace": "shop", "name": "orders", "as": "copy", "mover": mover, "reason": "r"}
    file = migration({"volumes": [said]})
    (handover,) = handovers(blue, decided(blue, file), file)
    assert handover.users == (QUEUE_REF,)

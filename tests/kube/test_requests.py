"""What goes over the wire for each write: method, path, query, preconditions."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.kube.targets import member, write_request
from migrate.model.objects import Resource
from tests.kube.kinds import CONFIG_MAPS, NAMESPACES, ROLES, SECRETS

MANAGED = "fieldManager=cnimigrate&fieldValidation=Warn"


@pytest.mark.parametrize(
    ("write", "method", "target", "body"),
    [
        (
            Write(Verb.CREATE, CONFIG_MAPS, "a", "shop", body={"data": {}}),
            "POST",
            f"/api/v1/namespaces/shop/configmaps?{MANAGED}",
            {"apiVersion": "v1", "kind": "ConfigMap", "data": {}},
        ),
        (
            Write(Verb.APPLY, ROLES, "system:x", body={"rules": []}, force=True, dry_run=True),
            "PATCH",
            f"/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Ax?dryRun=All&{MANAGED}&force=true",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": {"name": "system:x"},
                "rules": [],
            },
        ),
        (
            Write(Verb.PATCH, CONFIG_MAPS, "a", "shop", body={"data": None}, uid="u", resource_version="7"),
            "PATCH",
            f"/api/v1/namespaces/shop/configmaps/a?{MANAGED}",
            {"data": None, "metadata": {"uid": "u", "resourceVersion": "7"}},
        ),
        (
            Write(Verb.PATCH, CONFIG_MAPS, "a", "shop", body={"status": {}}, subresource="status"),
            "PATCH",
            f"/api/v1/namespaces/shop/configmaps/a/status?{MANAGED}",
            {"status": {}},
        ),
        (
            Write(Verb.REPLACE, NAMESPACES, "a", body={"metadata": {"resourceVersion": "7"}}),
            "PUT",
            f"/api/v1/namespaces/a?{MANAGED}",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"resourceVersion": "7"}},
        ),
        (
            Write(Verb.DELETE, CONFIG_MAPS, "a", "shop", uid="u"),
            "DELETE",
            "/api/v1/namespaces/shop/configmaps/a",
            {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "propagationPolicy": "Background",
                "preconditions": {"uid": "u"},
            },
        ),
        (
            Write(Verb.DELETE, CONFIG_MAPS, "a", "shop", foreground=True),
            "DELETE",
            "/api/v1/namespaces/shop/configmaps/a",
            {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"},
        ),
        (
            Write(Verb.DELETE, CONFIG_MAPS, "a", "shop", dry_run=True),
            "DELETE",
            "/api/v1/namespaces/shop/configmaps/a",
            {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "propagationPolicy": "Background",
                "dryRun": ["All"],
            },
        ),
    ],
)
def test_each_verb_has_its_request(write: Write, method: str, target: str, body: dict[str, Any]) -> None:
    """A write becomes one request; what it preconditions on is in the body, where the server looks."""
    request = write_request(write)
    assert (request.method, request.target, request.body) == (method, target, body)
    assert request.safe is write.dry_run


def test_an_apply_says_that_it_is_one() -> None:
    """The content type alone tells server-side apply from a merge patch."""
    apply = write_request(Write(Verb.APPLY, CONFIG_MAPS, "a", "shop", body={}))
    patch = write_request(Write(Verb.PATCH, CONFIG_MAPS, "a", "shop", body={}))
    assert apply.content_type == "application/apply-patch+yaml"
    assert patch.content_type == "application/merge-patch+json"


def test_a_write_does_not_change_the_object_it_was_given() -> None:
    """Preconditions are put into a copy."""
    body = {"metadata": {"name": "a"}}
    write_request(Write(Verb.PATCH, CONFIG_MAPS, "a", "shop", body=body, uid="u"))
    assert body == {"metadata": {"name": "a"}}


def test_only_secrets_are_confidential() -> None:
    """Another group's Secret is no Secret of Kubernetes."""
    other = Resource("example.com", "v1", "secrets", "Secret", namespaced=True)
    assert write_request(Write(Verb.DELETE, SECRETS, "a", "shop")).confidential
    assert not write_request(Write(Verb.DELETE, other, "a", "shop")).confidential


def test_a_request_does_not_print_its_body() -> None:
    """A traceback that shows values shows no Secret."""
    write = Write(Verb.CREATE, SECRETS, "a", "shop", body={"data": {"k": "aHVudGVyMg=="}})
    assert "aHVudGVyMg" not in repr(write_request(write))


def test_paths_by_group_and_scope() -> None:
    """The core group is under /api, others under /apis; a cluster-wide resource has no namespace in its path."""
    assert CONFIG_MAPS.collection() == "/api/v1/configmaps"
    assert NAMESPACES.collection("shop") == "/api/v1/namespaces"
    assert member(ROLES, "a", subresource="x") == "/apis/rbac.authorization.k8s.io/v1/clusterroles/a/x"

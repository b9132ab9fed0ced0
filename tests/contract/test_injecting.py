"""A mutating webhook of a real server, asked by a dry run: what it injects is in the answer, and no pod is made."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate.errors import Invalid
from migrate.model.objects import Object, ref_of
from migrate.replay import canary
from tests.contract.conftest import Bench
from tests.contract.objects import deployment
from tests.lab.webhooks import answering

PROXY = {"name": "proxy", "image": "example/proxy:1"}


def injected(_request: dict[str, Any]) -> dict[str, Any]:
    """Add the proxy to the pod under review."""
    patch = json.dumps([{"op": "add", "path": "/spec/containers/-", "value": PROXY}]).encode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(patch).decode()}


@pytest.fixture
def injector(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A webhook's program that answers every AdmissionReview with a container more."""
    with answering(tmp_path, injected) as where:
        yield where


def webhook(namespace: str, where: dict[str, Any]) -> dict[str, Any]:
    """A configuration that asks for the pods of one namespace."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {
        "name": "inject.example.com",
        "clientConfig": where,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [rule],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [hook],
    }


def tried(bench: Bench, workload: Object) -> Object:
    """What the server makes of a workload's canary, as soon as it knows its namespace's ServiceAccount."""
    pod = canary.canary(workload)
    assert pod is not None

    def answer() -> Object | None:
        try:
            return bench.create(pod, dry_run=True)
        except Invalid as error:
            if "serviceaccount" in str(error):
                return None
            raise

    found = bench.until("ServiceAccount", answer)
    assert bench.get(pod) is None
    return found


def test_a_canary_is_taken_as_its_workload_s_controller_would_send_it(bench: Bench, namespace: str) -> None:
    """On either side of the door: owned by the workload, with the template's containers, and it does not stand."""
    made = bench.create(deployment(namespace))
    answer = tried(bench, made)
    assert answer["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    assert [c["name"] for c in answer["spec"]["containers"]] == ["main"]


@pytest.mark.lab
def test_what_a_real_webhook_injects_is_in_the_answer(real_bench: Bench, injector: dict[str, Any]) -> None:
    """The container is there by name and image; without the webhook the same canary fails by name."""
    namespace = real_bench.namespace()
    made = real_bench.create(deployment(namespace))
    pod = canary.canary(made)
    assert pod is not None
    there = {"proxy": "example/proxy:1"}
    bare = canary.taken(ref_of(made), pod, tried(real_bench, made), there, ())
    assert bare.evidence == "proxy: injected into its pod on blue and not on green"
    hook = real_bench.create(webhook(namespace, injector))
    try:

        def proxied() -> Object | None:
            answer = tried(real_bench, made)
            return answer if len(answer["spec"]["containers"]) > 1 else None

        answer = real_bench.until("an injected container", proxied)
    finally:
        real_bench.delete(hook)
    said = canary.taken(ref_of(made), pod, answer, there, ())
    assert said.passed
    assert said.evidence == "taken by green's server; injected: proxy (example/proxy:1)"

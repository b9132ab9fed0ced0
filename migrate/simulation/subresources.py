"""Objects seen through a subresource, and what the server writes into a Job by itself."""

from __future__ import annotations

from typing import Any

from migrate.model.objects import Resource, dig
from migrate.simulation import refusals

Json = dict[str, Any]


def as_scale(obj: Any) -> Json:
    """A workload as the autoscaling/v1 Scale of it."""
    metadata = {
        k: v
        for k, v in obj["metadata"].items()
        if k in {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}
    }
    selector = dig(obj, "spec", "selector", "matchLabels", default={}) or {}
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": metadata,
        "spec": {"replicas": dig(obj, "spec", "replicas", default=0)},
        "status": {
            "replicas": dig(obj, "status", "replicas", default=0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(selector.items())),
        },
    }


def scaled(obj: Json, scale: Json) -> Json:
    """A workload with the replicas that a Scale asks for."""
    return {**obj, "spec": {**obj["spec"], "replicas": int(dig(scale, "spec", "replicas", default=0))}}


def job_identity(resource: Resource, job: Json) -> None:
    """Give a Job the selector and labels that only it has, in place; refuses one that brings them along.

    Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/#specifying-your-own-pod-selector
    """
    spec = job["spec"]
    if spec.get("manualSelector"):
        return
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    if spec.get("selector"):
        words = "spec.selector: Invalid value: `selector` not auto-generated"
        raise refusals.invalid(resource, name, words)
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    for key, value in (("controller-uid", uid), ("batch.kubernetes.io/controller-uid", uid)):
        if labels.get(key) not in {None, value}:
            words = f'spec.template.metadata.labels: Invalid value: "{labels[key]}": must be "{value}"'
            raise refusals.invalid(resource, name, words)
        labels[key] = value
    for key in ("job-name", "batch.kubernetes.io/job-name"):
        labels[key] = name
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}

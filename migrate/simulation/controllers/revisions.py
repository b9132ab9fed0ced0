"""ControllerRevisions: the templates of StatefulSets and DaemonSets, by hash."""

from __future__ import annotations

from migrate.errors import AlreadyExists
from migrate.model.objects import Object
from migrate.simulation.controllers.context import Context, owner_reference, suffix
from migrate.simulation.controllers.view import Kinds


def revision_of(live: Object, ctx: Context) -> str:
    """The hash of the current template; its ControllerRevision is made where there is none.

    A set that was seeded with a revision of the same template keeps that one's hash, or all its pods would be old.
    """
    name, namespace = live["metadata"]["name"], live["metadata"]["namespace"]
    data = {"spec": {"template": {**live["spec"]["template"], "$patch": "replace"}}}
    number = 0
    for what, obj in ctx.view.owned(live["metadata"]["uid"]):
        if what.plural == "controllerrevisions":
            number = max(number, int(obj.get("revision") or 0))
            if _same(obj.get("data"), data):
                return str(obj["metadata"]["name"]).removeprefix(f"{name}-")
    word = suffix(name, live["spec"]["template"], length=10)
    made = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{name}-{word}",
            "namespace": namespace,
            "labels": {
                **((live["spec"]["template"].get("metadata") or {}).get("labels") or {}),
                "controller-revision-hash": word,
            },
            "ownerReferences": [owner_reference(live)],
        },
        "data": data,
        "revision": number + 1,
    }
    try:
        ctx.create(Kinds.revisions, made)
    except AlreadyExists:  # left by a set of the same name; its hash says that the template is the same
        return word
    return word


def _same(one: object, other: object) -> bool:
    return _cleaned(one) == _cleaned(other)


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items() if key != "creationTimestamp"}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value

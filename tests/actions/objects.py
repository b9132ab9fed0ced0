"""A ConfigMap that is ours, its creation, and objects of the small blue."""

from __future__ import annotations

from migrate.actions.create import create
from migrate.model import marks
from migrate.model.action import Action, Outcome
from migrate.model.objects import Object, Ref
from tests.actions.conftest import RUN, Bench

CONFIG = Ref("", "ConfigMap", "default", "settings")
WEB = Ref("apps", "Deployment", "shop", "web")
NOWHERE = Ref("example.com", "Widget", "default", "w")


def body(run: str = RUN, digest: str = "h1", **data: str) -> Object:
    """A ConfigMap with our marks."""
    annotations = {marks.RUN: run, marks.SOURCE_HASH: digest}
    metadata = {"name": CONFIG.name, "namespace": CONFIG.namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v", **data}}


def creation(ref: Ref = CONFIG, digest: str = "h1") -> Action:
    """Create the ConfigMap."""
    return create(ref, key_hash=digest, rule="replay.default", wave=6, command="")


def created(bench: Bench, action: Action, obj: Object | None = None) -> Outcome:
    """Create one object."""
    bench.bodies.offer({action.key: obj or body()})
    (outcome,) = bench.create.act(bench.create.prepare([action]))
    return outcome

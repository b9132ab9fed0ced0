"""What a mutating webhook puts into a new pod: a stand-in that copies from blue, for no webhook's program is at hand.

A webhook that selects the pod, and whose backend is Ready, adds the containers that a pod of the same labels has on blue
and the new one lacks, with the volumes that they mount. Two webhooks are not told apart, and nothing else is changed.
"""

from __future__ import annotations

from typing import Any

import orjson

from migrate.model.ids import Side
from migrate.model.objects import dig, labels_of, namespace_of
from migrate.simulation.shapes import copied
from migrate.simulation.store import Store

_OF_ONE_POD = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
    }
)
"""Labels that controllers give to pods of one revision, or to one pod."""


def inject(store: Store, pod: dict[str, Any]) -> None:
    """Add to a new pod, in place, what its like on blue has beyond it."""
    labels = {k: v for k, v in labels_of(pod).items() if k not in _OF_ONE_POD}
    if not labels:
        return
    key, value = next(iter(labels.items()))
    text = orjson.dumps({key: value}).decode()[1:-1]
    for body in store.containing(Side.BLUE.value, "", "pods", namespace_of(pod), text):
        like = orjson.loads(body)
        if labels.items() <= labels_of(like).items() and dig(like, "status", "phase") == "Running":
            _add(pod["spec"], like["spec"])
            return


def _add(spec: dict[str, Any], like: dict[str, Any]) -> None:
    have = {c["name"] for word in ("containers", "initContainers") for c in spec.get(word) or ()}
    mounted = set()
    for word in ("containers", "initContainers"):
        more = [copied(c) for c in like.get(word) or () if c["name"] not in have]
        if more:
            spec[word] = [*(spec.get(word) or ()), *more]
        mounted |= {m["name"] for c in more for m in c.get("volumeMounts") or ()}
    volumes = {v["name"] for v in spec.get("volumes") or ()}
    more = [copied(v) for v in like.get("volumes") or () if v["name"] in mounted - volumes]
    if more:
        spec["volumes"] = [*(spec.get("volumes") or ()), *more]

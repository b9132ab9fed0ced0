"""DaemonSet calico-node: which nodes it can run on, and on which it is up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.calico.created import selects
from migrate.model.objects import Object, controller_of, dig, metadata_of, name_of


@dataclass(frozen=True, slots=True)
class Daemon:
    """calico-node, the nodes that it can run on, and those on which it is ready.

    `unattended` says that no controller makes its pods, so that whoever plays Calico keeps its status.
    """

    obj: Object
    able: tuple[Object, ...]
    up: tuple[Object, ...]
    unattended: bool

    @property
    def full(self) -> bool:
        """Whether it is up wherever it can run."""
        return bool(self.able) and len(self.up) == len(self.able)

    @property
    def container(self) -> Mapping[str, Any]:
        """The container calico-node; empty where it has none."""
        containers = dig(self.obj, "spec", "template", "spec", "containers", default=None) or ()
        return next((c for c in containers if c.get("name") == "calico-node"), {})

    @property
    def env(self) -> dict[str, str]:
        """Its environment, as far as it is written out."""
        return {
            e["name"]: str(e["value"]) for e in self.container.get("env") or () if e.get("value") is not None
        }

    @property
    def version(self) -> str:
        """The tag of its image; empty where it has none."""
        return str(self.container.get("image", "")).rpartition("/")[2].partition(":")[2]


def daemon_of(obj: Object, nodes: Iterable[Object], pods: Iterable[Object]) -> Daemon:
    """See where calico-node is up: where its pods are ready if a controller makes them, else wherever it can run."""
    uid = metadata_of(obj).get("uid")
    own = [pod for pod in pods if (controller_of(pod) or {}).get("uid") == uid]
    able = tuple(node for node in nodes if selects(obj, node))
    status: Mapping[str, Any] = obj.get("status") or {}
    # A controller writes observedGeneration first of all, and never a ready pod where there are none.
    unattended = not own and (not status.get("observedGeneration") or bool(status.get("numberReady")))
    ready = {str(dig(pod, "spec", "nodeName")) for pod in own if _is_ready(pod)}
    return Daemon(
        obj, able, able if unattended else tuple(n for n in able if name_of(n) in ready), unattended
    )


def _is_ready(pod: Object) -> bool:
    conditions = dig(pod, "status", "conditions", default=None) or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)

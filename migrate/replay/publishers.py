"""Writers of DNS records, and under which name each owns them: two under one name delete each other's.

Sources: external-dns, docs/flags, docs/registry/registry and docs/advanced/multi-cluster-shared-records; a flag may be given
as a variable, EXTERNAL_DNS_ before its name in capitals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.model.objects import Object
from migrate.replay.arguments import flag
from migrate.replay.outsiders import DNS
from migrate.replay.pods import containers_of

_DEFAULTS = {"txt-owner-id": "default", "registry": "txt", "policy": "sync"}


@dataclass(frozen=True, slots=True)
class Publisher:
    """An external-dns: its owner id, where that is said (empty where it is the default), its registry and its policy."""

    owner: str
    said: str
    registry: str
    policy: str

    def __str__(self) -> str:
        """Under which name it owns which records, and what it does with those that it has no source for."""
        if self.registry == "noop":
            return f"owns every DNS record of its zones (--registry=noop, policy {self.policy})"
        by = self.said or "no --txt-owner-id"
        return f"owns DNS records as {self.owner} ({by}; registry {self.registry}, policy {self.policy})"

    def meets(self, other: Publisher) -> bool:
        """Whether each takes the other's records for its own, should they share a zone."""
        return "noop" in {self.registry, other.registry} or self.owner == other.owner


def publishers_of(pod: Object) -> Iterator[Publisher]:
    """The external-dns among a pod's containers, as each is told to be."""
    for container in containers_of(pod):
        if DNS.image.search(str(container.get("image", ""))):
            said = {name: _told(container, name) for name in _DEFAULTS}
            values = {name: value or _DEFAULTS[name] for name, (value, _) in said.items()}
            yield Publisher(
                values["txt-owner-id"], said["txt-owner-id"][1], values["registry"], values["policy"]
            )


def _told(container: Mapping[str, Any], name: str) -> tuple[str, str]:
    """The value of a flag, and by what it is said; a value that comes from elsewhere is named, not read."""
    value = flag(container, name)
    if value is not None:
        return value, f"--{name}"
    variable = f"EXTERNAL_DNS_{name.upper().replace('-', '_')}"
    for entry in container.get("env") or ():
        if entry.get("name") == variable:
            known = entry.get("value") if "valueFrom" not in entry else f"${variable}"
            return str(known or ""), f"variable {variable}" if known else ""
    return "", ""

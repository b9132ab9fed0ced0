"""Who elects a leader: by what its containers are told, and by the locks that its pods hold.

Two clusters keep two locks, so that a leader on either side keeps the other from nothing.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from migrate.model.objects import Object, Ref, annotations_of, dig, name_of, namespace_of, ref_of
from migrate.replay.blue import Blue

LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
"""Where leader election kept its record before there were Leases: client-go, tools/leaderelection/resourcelock."""

_SETTING = re.compile(r"(?P<dashes>-{0,2})(?P<name>[a-z][\w.-]*)(?P<given>=(?P<value>.*))?", re.IGNORECASE)
_ELECTION = re.compile(r"(?P<no>^no|disable|without)?leaderelect(?P<part>.*)$")
_SWITCH = re.compile(r"(?:ion)?(?:enabled?)?")
"""What stands after "leaderelect" in a switch; anything else names a part of the election: its id, its namespace."""

_QUOTES = "\"'`;&|()"
"""What a shell's words have around them."""

_NO = frozenset({"false", "0", "no", "off", "disabled"})
_LONGEST_HOST_NAME = 63
"""The kubelet cuts a pod's host name there: kubelet_pods.go, truncatePodHostnameIfNeeded."""

_ENDED = frozenset({"Succeeded", "Failed"})
"""Phases of a pod whose address may be another's by now."""


def told_to_lead(containers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What tells containers to elect a leader: arguments, a shell's words among them, and variables."""
    for container in containers:
        switches, parts = [], []
        for said, name, value in (*_arguments(container), *_variables(container)):
            election = _ELECTION.search(re.sub(r"[^a-z0-9]", "", name.lower()))
            if not election:
                continue
            on = value.lower() not in _NO | {""}
            if _SWITCH.fullmatch(election["part"]):
                switches.append((said, on != bool(election["no"])))
            elif on:
                # its value is told by nobody: a name is enough, and who knows what else is set there
                parts.append(said.partition("=")[0])
        yield from (said for said, on in switches if on)
        # who is told the lock's name leads by default, as cert-manager does, where no switch says otherwise
        yield from parts if all(on for _, on in switches) else ()


def _arguments(container: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is said, the name and the value of each argument that may be a setting; a flag alone is "true"."""
    lines = (*(container.get("command") or ()), *(container.get("args") or ()))
    words = [word.strip(_QUOTES) for line in lines for word in str(line).split()]
    for word, after in pairwise((*words, "")):
        setting = _SETTING.fullmatch(word)
        if setting and (setting["dashes"] or setting["given"]):
            alone = after if after.lower() in _NO else "true"
            yield (
                f"argument {word}",
                setting["name"],
                setting["value"].strip(_QUOTES) if setting["given"] else alone,
            )


def _variables(container: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for variable in container.get("env") or ():
        name = str(variable.get("name", ""))
        if "valueFrom" in variable:
            yield f"variable {name}, by a reference", name, "true"
        else:
            yield f"variable {name}={variable.get('value', '')}", name, str(variable.get("value") or "")


class Locks:
    """The locks that blue's pods hold, worked out when they are first asked for."""

    def __init__(self, blue: Blue) -> None:
        self._blue = blue

    def held_by(self, ref: Ref) -> Sequence[str]:
        """The locks that pods of a workload hold, as evidence."""
        return self._by_workload.get(ref, ())

    @cached_property
    def _by_workload(self) -> Mapping[Ref, Sequence[str]]:
        found: dict[Ref, list[str]] = defaultdict(list)
        for lock, holder in self._records():
            pods = self._holding(lock, holder)
            word = "holds" if len(pods) == 1 else "may hold"
            for pod in pods:
                found[self._top(pod)].append(f"{name_of(pod)} {word} {lock}")
        return found

    def _records(self) -> Iterator[tuple[Ref, str]]:
        for lease in self._blue.inventory.of("Lease", "coordination.k8s.io"):
            holder = dig(lease, "spec", "holderIdentity")
            if holder and namespace_of(lease) != "kube-node-lease":
                yield ref_of(lease), str(holder)
        for kind in ("ConfigMap", "Endpoints"):
            for obj in self._blue.inventory.of(kind):
                record = annotations_of(obj).get(LEADER_ANNOTATION)
                if not record:
                    continue
                try:
                    holder = dig(json.loads(record), "holderIdentity")
                except ValueError:
                    continue
                if holder:
                    yield ref_of(obj), str(holder)

    def _holding(self, lock: Ref, holder: str) -> Sequence[Object]:
        """The pods that a lock's record may mean: by its first reading that some pod answers to."""
        for identity in _identities(holder):
            own = self._own.get(identity, ())
            near = (*own, *self._shared.get(identity, ()))
            here = [pod for pod in near if namespace_of(pod) == lock.namespace]
            # a lock may be kept in another namespace, where names such as web-0 are not unique any more
            found = here or (own if len({self._top(pod) for pod in own}) == 1 else ())
            if found:
                return found
        return ()

    def _top(self, pod: Object) -> Ref:
        return self._blue.top_of(ref_of(pod))

    @cached_property
    def _own(self) -> Mapping[str, Sequence[Object]]:
        """Pods by what each alone answers to in its namespace: its name, its host's name, its addresses."""
        found: dict[str, list[Object]] = defaultdict(list)
        for pod in self._blue.inventory.of("Pod"):
            host = str(dig(pod, "spec", "hostname") or name_of(pod))[:_LONGEST_HOST_NAME].rstrip("-.")
            addresses = () if dig(pod, "spec", "hostNetwork") else _addresses(pod)
            for identity in {name_of(pod), host, *addresses}:
                found[identity].append(pod)
        return found

    @cached_property
    def _shared(self) -> Mapping[str, Sequence[Object]]:
        """Pods in their node's network by the node's names and addresses, which they share with all others there."""
        found: dict[str, list[Object]] = defaultdict(list)
        for pod in self._blue.inventory.of("Pod"):
            node = str(dig(pod, "spec", "nodeName") or "")
            if node and dig(pod, "spec", "hostNetwork"):
                for identity in {node, *_addresses(pod), *self._of_nodes.get(node, ())}:
                    found[identity].append(pod)
        return found

    @cached_property
    def _of_nodes(self) -> Mapping[str, Sequence[str]]:
        return {
            name_of(node): [str(one.get("address")) for one in dig(node, "status", "addresses") or ()]
            for node in self._blue.inventory.of("Node")
        }


def _identities(holder: str) -> Iterator[str]:
    """What a holder may be called by: client-go's is "<host name>_<uuid>", others' an address with a port."""
    yield holder
    host = holder.partition("_")[0]
    yield host
    yield host.rpartition(":")[0].strip("[]")


def _addresses(pod: Object) -> Iterator[str]:
    status = dig(pod, "status", default={})
    if status.get("phase") not in _ENDED:
        yield from filter(None, (status.get("podIP"), *(one.get("ip") for one in status.get("podIPs") or ())))

"""Addresses of blue that an object would carry to green: found in every text of it, reported, never rewritten.

On green those addresses belong to nobody. What is looked at is the sanitised object: what servers fill in, and what the
replay leaves behind, is not in it. This is the one scanner: what assess finds and what the Plan flags are its answers.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_network
from typing import Any

from migrate.model.decision import Literal, RangeKind
from migrate.model.facts import OwnRanges
from migrate.model.objects import Object, annotations_of, group_of, kind_of, labels_of
from migrate.replay import kinds
from migrate.replay.written_hosts import dashed, hosts, unwrapped

MASKED = "masked"
"""What stands for an address in a Secret."""

_Network = IPv4Network | IPv6Network

_V4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2}(?!\w))?")
_V6 = re.compile(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:/\d{1,3}(?!\w))?")
"""What may be an address or a range; what stands around it is looked at apart, as a lookbehind is slow here."""

_HINTS = re.compile(r"\d[.-]\d{1,3}[.-]\d{1,3}[.-]\d"), re.compile(r":[0-9A-Fa-f]{0,4}:")
"""What every text with an IPv4, dashes or not, and with an IPv6 address has in it: most objects have neither."""

_JOINED_BEFORE = re.compile(r".?\w|\d\.|[^\W\d_]-", re.DOTALL)
"""A word, an OID or a version of five parts, a name with a version (app-1.2.3.4); <address>-<address> is a range."""

_JOINED_AFTER = re.compile(r"\w.?|\.\d|[-+][^\W\d_]", re.DOTALL)
"""A word, an OID, a version (1.2.3.4-rc); a full stop ends a sentence, or begins the rest of 10.0.0.5.nip.io."""

_NAME_BEFORE = re.compile(r"[^\W\d_]-")
_PORT_AFTER = re.compile(r":\d")
"""Between the two an address is one all the same: a version (app-1.2.3.4) has no port."""

_LINE_ENDS = frozenset({r"\n", r"\r", r"\t"})
"""How JSON in a text spells what ends a word."""

_SPELT_OUT = re.compile(
    r"%(?:0[9AD]|2[0-9A-F]|3[A-F]|40|5[BD]|7[BD])(?=\w)|\\u00[0-9A-F]{2}(?=\w)", re.IGNORECASE
)
"""Punctuation as URLs (%2F) and JSON in a text (\\u0027) spell it: its digits belong to no address after it."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Repeats the object; of a Secret its values as well."""

_SCHEMAS = ("versions", "validation")
"""Parts of a CustomResourceDefinition's spec: descriptions and patterns, whose addresses are examples."""

_STEMS = 8
"""So many beginnings of nodes' names are looked for in every text, before any name is."""

_ENCODED = frozenset({(kinds.SECRET, "data"), (kinds.CONFIG_MAP, "binaryData")})
"""What the API serves as base64."""

_MAYBE_ENCODED = (kinds.CONFIG_MAP, "data")
"""Where people put base64 of their own."""


@dataclass(frozen=True)
class Scanner:
    """Looks for a cluster's own addresses in what leaves it."""

    ranges: OwnRanges
    _known: dict[str, RangeKind | None] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _networks(self) -> Mapping[RangeKind, tuple[_Network, ...]]:
        return {
            RangeKind.POD: _collapsed(self.ranges.pods),
            RangeKind.SERVICE: _collapsed(self.ranges.services),
            RangeKind.NODE: _collapsed(self.ranges.nodes),
        }

    @cached_property
    def _node_addresses(self) -> frozenset[IPv4Address | IPv6Address]:
        """Looked up before the ranges: a cluster may have thousands of nodes."""
        return frozenset(n.network_address for n in map(_network, self.ranges.nodes) if n is not None)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(name.lower() for name in self.ranges.names)

    @cached_property
    def _stems(self) -> tuple[str, ...]:
        """What the names begin with, so far that it takes few words to say it: hardly a text has one of them."""
        longest = max(map(len, self._names), default=0)
        cut = ({name[:size] for name in self._names} for size in range(longest, 0, -1))
        return tuple(next((stems for stems in cut if len(stems) <= _STEMS), {""})) if longest else ()

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
        """Hint and pattern of each family that the cluster has an address of."""
        families = {n.version for networks in self._networks.values() for n in networks}
        return tuple(
            (hint, pattern)
            for version, hint, pattern in zip((4, 6), _HINTS, (_V4, _V6), strict=True)
            if version in families
        )

    def literals(self, obj: Object) -> tuple[Literal, ...]:
        """Every address of the cluster in an object, by its place, and every node's name in the place of one.

        In a Secret masked, and told once a place.
        """
        if not self.may_name(obj):
            return ()
        secret = (group_of(obj), kind_of(obj)) == kinds.SECRET
        found = (
            Literal(path, MASKED if secret else address, kind)
            for part, value in _parts(obj)
            for path, text in _walk(value, part)
            for address, kind in self.in_text(text)
        )
        return tuple(dict.fromkeys(found))

    def may_name(self, obj: Object) -> bool:
        """Whether some text of the object looks like an address at all; cheap, and never wrong with a no."""
        text = "\n".join(_strings([value for _, value in _parts(obj)]))
        return any(hint.search(text) for hint, _ in self._patterns) or any(self._nodes_in(_plain(text)))

    def in_text(self, text: str) -> Iterator[tuple[str, RangeKind]]:
        """Every address of the cluster in a text, and every range that touches its own, as written; with repetitions.

        Its nodes' names are told where they stand for an address: before a port, or in a URL.
        """
        text = _plain(text)
        for _, pattern in self._patterns:
            for match in pattern.finditer(text):
                address, start, end = _reading(match)
                kind = self._kind_of(address)
                if kind is not None and _stands_alone(text[max(start - 2, 0) : start], text[end : end + 2]):
                    yield address, kind
        for written, address in dashed(text):
            kind = self._kind_of(address)
            if kind is not None:
                yield written, kind
        yield from ((name, RangeKind.NODE) for name in self._nodes_in(text))

    def _nodes_in(self, text: str) -> Iterator[str]:
        """The names of nodes that a text uses as hosts."""
        lower = text.lower()
        if any(stem in lower for stem in self._stems):
            yield from (host for host in hosts(text) if host.lower().rstrip(".") in self._names)

    def _kind_of(self, text: str) -> RangeKind | None:
        """The kind of range that an address lies in, or that a range touches; None for everything else.

        0.0.0.0/0 and ::/0 mean everywhere and touch nothing. A range that touches several is the pods' first.
        """
        if text not in self._known:
            self._known[text] = self._looked_up(text)
        return self._known[text]

    def _looked_up(self, text: str) -> RangeKind | None:
        network = _network(text)
        if network is None or not network.prefixlen:
            return None
        order: tuple[RangeKind, ...] = (RangeKind.POD, RangeKind.SERVICE, RangeKind.NODE)
        if network.num_addresses == 1:
            if network.network_address in self._node_addresses:
                return RangeKind.NODE
            order = (RangeKind.SERVICE, RangeKind.POD)
        return next(
            (kind for kind in order if any(_touch(network, own) for own in self._networks[kind])), None
        )


def _reading(match: re.Match[str]) -> tuple[str, int, int]:
    """What was matched, as an address with its place: a colon beside it is punctuation, a number may be a port or a path."""
    text, start, end = match[0], match.start(), match.end()
    if text.startswith(":") and not text.startswith("::"):
        text, start = text[1:], start + 1
    if text.endswith(":") and not text.endswith("::"):
        text, end = text[:-1], end - 1
    address, slash, _ = text.partition("/")
    return (address if slash and _network(text) is None else text), start, end


def _plain(text: str) -> str:
    return _SPELT_OUT.sub(" ", text) if "%" in text or "\\u" in text else text


def _stands_alone(before: str, after: str) -> bool:
    """Whether what stands between two characters before and two after is no part of a longer word or number."""
    if _NAME_BEFORE.fullmatch(before) and _PORT_AFTER.fullmatch(after):
        return True
    return (before in _LINE_ENDS or not _JOINED_BEFORE.fullmatch(before)) and not _JOINED_AFTER.fullmatch(
        after
    )


def _parts(obj: Object) -> Iterator[tuple[str, Any]]:
    """What of an object is looked at, decoded; its own name is looked up nowhere, and status the servers fill in."""
    yield "metadata.labels", labels_of(obj)
    yield "metadata.annotations", {k: v for k, v in annotations_of(obj).items() if k != _LAST_APPLIED}
    kind = group_of(obj), kind_of(obj)
    for key, value in obj.items():
        if key in {"apiVersion", "kind", "metadata", "status"}:
            continue
        if (kind, key) in _ENCODED and isinstance(value, Mapping):
            yield key, {k: _decoded(v) for k, v in value.items()}
        elif (kind, key) == _MAYBE_ENCODED and isinstance(value, Mapping):
            yield key, {k: unwrapped(v) if isinstance(v, str) else v for k, v in value.items()}
        elif kind == kinds.DEFINITION and isinstance(value, Mapping):
            yield key, {k: v for k, v in value.items() if k not in _SCHEMAS}
        else:
            yield key, value


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text inside a value with its path, keys among them; items of a list by their name where they have one."""
    left: list[tuple[str, Any]] = [(path, value)]
    while left:
        path, value = left.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, Mapping):
            for key in reversed(value):
                inside = f"{path}.{key}" if _PLAIN_KEY.fullmatch(str(key)) else f"{path}[{key}]"
                left += (inside, value[key]), (inside, str(key))
        elif isinstance(value, list | tuple):
            left.extend((f"{path}[{_label(value[at], at)}]", value[at]) for at in reversed(range(len(value))))


def _label(item: Any, place: int) -> str | int:
    name = item.get("name") if isinstance(item, Mapping) else None
    return name if isinstance(name, str) else place


def _strings(left: list[Any]) -> Iterator[str]:
    """Every text of some values in any order; a loop, because this looks at each object of a cluster."""
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif type(item) is dict or isinstance(item, Mapping):
            yield from map(str, item)  # an edited export may have keys that are none
            left.extend(item.values())
        elif isinstance(item, list | tuple):
            left.extend(item)


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(value).decode("utf-8", errors="replace")
    except (binascii.Error, TypeError, ValueError):
        return ""


def _network(text: str) -> _Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _collapsed(texts: Iterable[str]) -> tuple[_Network, ...]:
    found = [n for n in map(_network, texts) if n is not None]
    return (
        *collapse_addresses(n for n in found if isinstance(n, IPv4Network)),
        *collapse_addresses(n for n in found if isinstance(n, IPv6Network)),
    )


def _touch(one: _Network, other: _Network) -> bool:
    return one.version == other.version and one.overlaps(other)

"""What the validators share: problems with their paths, networks, enumerations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from migrate.calico import selectors


class Problems:
    """Problems as they are found; each is a sentence that begins with the path of the field."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def add(self, path: str, reason: str) -> None:
        """Note one problem."""
        self._found.append(f"{path}: {reason}")

    def selector(
        self, spec: Mapping[str, Any], field: str, *, path: str = "spec", may_be_global: bool = False
    ) -> None:
        """Note a selector that does not parse, or that uses `global()` where only an entity rule may."""
        text = spec.get(field)
        if text is None:
            return
        wrong = selectors.problem(text)
        if wrong:
            self.add(f"{path}.{field}", wrong)
        elif "global" in selectors.parse(text).calls:
            if not may_be_global:
                self.add(f"{path}.{field}", "global() belongs into a rule's namespaceSelector only")
            elif text.replace(" ", "").replace("\t", "") != "global()":
                self.add(f"{path}.{field}", "global() cannot be combined with other selectors")

    def nets(
        self, spec: Mapping[str, Any], field: str, *, path: str = "spec", strict: bool = True
    ) -> set[int]:
        """Note what is no network; the IP versions of those that are. `strict` refuses host bits."""
        versions: set[int] = set()
        for text in as_list(spec.get(field)):
            found = network(text, strict=strict)
            if found is None:
                self.add(f"{path}.{field}", f"{text!r} is no network{' without host bits' if strict else ''}")
            else:
                versions.add(found.version)
        return versions


def network(text: object, *, strict: bool = True) -> IPv4Network | IPv6Network | None:
    """Read a network or an address as Calico does (an address is one of full length); None for what is neither."""
    if not isinstance(text, str):
        return None
    try:
        return ip_network(text, strict=strict)
    except ValueError:
        return None


def one_of(
    spec: Mapping[str, Any],
    field: str,
    allowed: Iterable[str],
    problems: Problems,
    *,
    path: str = "spec",
    exact: bool = True,
) -> None:
    """Note a value outside an enumeration; a missing or empty one is left to its default."""
    value = spec.get(field)
    if value in (None, ""):
        return
    values = tuple(allowed)
    known = values if exact else tuple(item.lower() for item in values)
    if (value if exact else str(value).lower()) not in known:
        problems.add(f"{path}.{field}", f"{value!r} is not one of {', '.join(values)}")


def as_list(value: object) -> list[Any]:
    """A list where there is one, else nothing; what is no list is noted by whoever reads its members."""
    return value if isinstance(value, list) else []

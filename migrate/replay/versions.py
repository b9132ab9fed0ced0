"""In which version an object is read, so that green takes it as it was read, or as a conversion makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, Resource, ref_of
from migrate.replay import conversions
from migrate.replay.conversions import Conversion
from migrate.replay.kinds import Kind

Serves = Mapping[Kind, Sequence[str]]
"""The versions in which a server serves each kind, the preferred one first."""


def serves(resources: Iterable[Resource]) -> Serves:
    """What a server serves, from its discovery."""
    found: dict[Kind, tuple[str, ...]] = {}
    for resource in resources:
        found.setdefault((resource.group, resource.kind), resource.versions)
    return found


def readable(green: Iterable[Resource]) -> Callable[[Resource], Resource]:
    """Choose the version in which to read a resource of blue: the first in green's order that both serve.

    Where they share none, it is the first of blue's that a conversion leads from to one of green's, those that change no
    field before others; else blue's preferred one, as for kinds that green does not serve (yet).
    """
    theirs = serves(green)
    return lambda resource: next(_ways(resource, theirs), resource)


def reaches(resource: Resource, green: Serves) -> bool:
    """Whether green takes a resource of blue in a version in which blue serves it, or in what one is converted to."""
    return next(_ways(resource, green), None) is not None


def _ways(resource: Resource, green: Serves) -> Iterator[Resource]:
    """The resource in each version in which green gets its objects; those that need no conversion first."""
    for version in green.get((resource.group, resource.kind), ()):
        if version in resource.versions:
            yield resource.at(version)
    others = [(other, conversions.of_resource(other)) for other in map(resource.at, resource.versions)]
    leading = [(other, known) for other, known in others if known is not None and _leads(known, green)]
    # one that only renames the version loses nothing; of its like blue's order counts
    yield from (other for other, _ in sorted(leading, key=lambda pair: not pair[1].renames))


def takes(green: Serves, resource: Resource) -> bool:
    """Whether green serves a resource of blue in the version in which it was read."""
    return resource.version in green.get((resource.group, resource.kind), ())


def modern(blue: Inventory, green: Serves | None) -> Inventory:
    """Blue with the objects converted that green takes only so; `converted` says of which, and how.

    Without a green to ask, whatever was given up by newer servers is converted, as most greens will want it. Doing it
    twice changes nothing more.
    """
    objects: dict[Resource, Sequence[Object]] = {}
    said: dict[Ref, str] = dict(blue.converted)
    for resource in blue.resources:
        found, conversion = blue.objects.get(resource, ()), _wanted(resource, green)
        if conversion is None:
            objects[resource] = found
        else:
            objects[resource.at(conversion.becomes)] = [conversion.convert(obj) for obj in found]
            said.update((ref_of(obj), conversion.said(obj)) for obj in found)
    return replace(blue, resources=tuple(objects), objects=objects, converted=said) if said else blue


def _wanted(resource: Resource, green: Serves | None) -> Conversion | None:
    if green is not None and takes(green, resource):
        return None
    conversion = conversions.of_resource(resource)
    return conversion if green is None or _leads(conversion, green) else None


def _leads(conversion: Conversion | None, green: Serves) -> bool:
    return conversion is not None and conversion.becomes in green.get(conversion.kind, ())

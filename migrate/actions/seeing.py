"""Read the many objects that Actions are about: by the pages of lists where these are fewer, else one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from migrate.actions.reach import Reach, target_of
from migrate.errors import Refused
from migrate.model.action import Action, Observation
from migrate.model.ids import Side
from migrate.model.objects import Object, name_of, namespace_of

MANY = 20
"""So many objects of a kind are looked for by a list; fewer are read one by one."""

SPACES = 5
"""So many namespaces are listed one by one; beyond, all of them are together, in fewer requests."""

DEARER = 4
"""What a page costs beside the reading of one object: a list ends where it has cost as much as reading each."""

_Group = dict[tuple[str, str], list[int]]
"""By namespace and name the places of the Actions that ask for it."""


def observed(
    reach: Reach,
    actions: Sequence[Action],
    judge: Callable[[Action, Object | None], Observation],
    *,
    ownership: bool = False,
) -> Sequence[Observation]:
    """Observe many Actions, each by its object as it stands; in the Actions' order.

    Nothing but the page at hand is held; `ownership` as in `Cluster.pages`. Raises a DoorError where something cannot be seen.
    """
    found: dict[int, Observation] = {}
    for place, obj in seen(reach, actions, ownership=ownership):
        found[place] = judge(actions[place], obj)
    return [found[place] for place in range(len(actions))]


def seen(
    reach: Reach, actions: Sequence[Action], *, ownership: bool = False
) -> Iterator[tuple[int, Object | None]]:
    """Each Action's place with its object, None where there is none; each once, in no order."""
    alone: list[int] = []
    for (side, _), group in _groups(actions).items():
        left = dict(group)
        if sum(map(len, group.values())) >= MANY:
            yield from _listed(reach, actions, side, left, ownership=ownership)
        alone += [place for places in left.values() for place in places]
    for place in alone:
        yield place, reach.get(actions[place])


def _groups(actions: Sequence[Action]) -> dict[tuple[Side, tuple[str, str]], _Group]:
    found: dict[tuple[Side, tuple[str, str]], _Group] = defaultdict(lambda: defaultdict(list))
    for place, action in enumerate(actions):
        side, ref = target_of(action)
        found[side, ref[:2]][ref.namespace, ref.name].append(place)
    return found


def _listed(
    reach: Reach, actions: Sequence[Action], side: Side, left: _Group, *, ownership: bool
) -> Iterator[tuple[int, Object | None]]:
    """Read a kind by pages; what was read leaves `left`, and so does what a whole list does not have."""
    ref = target_of(actions[next(iter(left.values()))[0]])[1]
    sizes = Counter(namespace for namespace, _ in left)
    try:
        resource = reach.directory.resource(side, ref)
        for namespace in sizes if len(sizes) <= SPACES else ("",):
            wanted = sizes[namespace] if namespace else len(left)
            if wanted >= MANY:
                cluster = reach.directory.cluster(side)
                pages = cluster.pages(resource, namespace=namespace, ownership=ownership)
                yield from _paged(pages, namespace, wanted, left)
    except Refused:
        return  # not served, or not to be listed: what is left is read one by one


def _paged(
    pages: Iterator[Sequence[Object]], namespace: str, wanted: int, left: _Group
) -> Iterator[tuple[int, Object | None]]:
    for number, page in enumerate(pages, 1):
        for obj in page:
            places = left.pop((namespace_of(obj), name_of(obj)), ())
            yield from ((place, obj) for place in places)
        if not left or number * DEARER >= wanted:
            return
    for key in [key for key in left if not namespace or key[0] == namespace]:
        yield from ((place, None) for place in left.pop(key))

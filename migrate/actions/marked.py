"""What carries this run's mark, kind by kind: read once by the pages of a list where much of a kind is to be deleted.

Whoever deletes by it insists on the version that was read: what has changed since is read by itself, and judged anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from migrate.actions.contents import DEFINITION, NAMESPACE
from migrate.actions.reach import Reach, target_of
from migrate.actions.seeing import MANY
from migrate.errors import DoorError
from migrate.model import marks
from migrate.model.action import Action
from migrate.model.ids import ActionKey, Side
from migrate.model.objects import Object, Ref, annotations_of, metadata_of, name_of, namespace_of

_Kind = tuple[Side, tuple[str, str]]


class Marked:
    """Names, UIDs and versions of what is ours; each is given out once, so that a second look is a fresh one."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._read: dict[_Kind, dict[tuple[str, str], tuple[str, str]]] = {}

    def of(self, actions: Sequence[Action]) -> Mapping[ActionKey, Object]:
        """By Action what is known of its object, as much as tells one version of it from another.

        Of what contains others, and of what is deleted whosever it is, nothing is known by this.
        """
        asked = {action.key: target_of(action) for action in actions if action.params.get("ours")}
        for kind, count in Counter((side, ref[:2]) for side, ref in asked.values()).items():
            if count >= MANY and kind not in self._read and kind[1] not in {NAMESPACE, DEFINITION}:
                self._read[kind] = self._listed(*next(t for t in asked.values() if (t[0], t[1][:2]) == kind))
        found: dict[ActionKey, Object] = {}
        for key, (side, ref) in asked.items():
            version = self._read.get((side, ref[:2]), {}).pop((ref.namespace, ref.name), None)
            if version is not None:
                found[key] = {"metadata": {"uid": version[0], "resourceVersion": version[1]}}
        return found

    def _listed(self, side: Side, ref: Ref) -> dict[tuple[str, str], tuple[str, str]]:
        try:
            pages = self._reach.directory.cluster(side).pages(self._reach.directory.resource(side, ref))
            return {
                (namespace_of(obj), name_of(obj)): (
                    str(metadata_of(obj).get("uid", "")),
                    str(metadata_of(obj).get("resourceVersion", "")),
                )
                for page in pages
                for obj in page
                if annotations_of(obj).get(marks.RUN) == self._reach.run
                and not metadata_of(obj).get("deletionTimestamp")
            }
        except DoorError:
            return {}  # not served, not to be listed, or lost: reading each one says which

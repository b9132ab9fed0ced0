"""DNS: who writes records of what moves, and under which name each side owns them."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.assess.families import Code, Situation
from migrate.assess.wording import few
from migrate.assess.workloads import title
from migrate.model.facts import Finding, Severity
from migrate.model.inventory import Inventory
from migrate.model.marks import RUN
from migrate.model.objects import Object, annotations_of, dig, kind_of, name_of, namespace_of
from migrate.replay.publishers import Publisher, publishers_of

SHARED = Code(
    "DNS-001",
    Severity.WARNING,
    "external-dns of both clusters owns records under one name",
    "Workloads with external-dns that run on blue, and those that green has of its own, are asked for `--txt-owner-id` "
    "(else the variable EXTERNAL_DNS_TXT_OWNER_ID; `default` where neither is given) and for `--registry`; with "
    "`--registry=noop` every record is taken for one's own. A value that comes from elsewhere is compared by its "
    "variable's name. Whether they share a zone is not known.",
    "In a zone that both write to each deletes the records of what only the other sees, as often as it synchronises.",
    "Give green's a name of its own (--txt-owner-id), or stop it (kubectl scale --replicas=0) until blue's is off.",
)
STAYS = Code(
    "DNS-002",
    Severity.WARNING,
    "an external-dns stays on blue",
    "It runs on blue and does not move, as its namespace is left out or a rule skips it.",
    "It goes on writing blue's addresses for the names of what has moved: blue's Services and Ingresses stay where they are.",
    "Let it move: it is held on green, blue's goes off before the writers move, and green's goes on under the same name once "
    "the traffic has moved. Or stop blue's yourself as the traffic moves, and let green have one of its own.",
)
CODES = (SHARED, STAYS)

KINDS = ("Deployment", "StatefulSet", "DaemonSet")


def find(situation: Situation) -> Iterator[Finding]:
    """Hold blue's writers of DNS against green's own, and name those that stay."""
    blue = list(_publishing(situation.blue_inventory))
    staying = [(obj, one) for obj, one in blue if not situation.moves(obj)]
    if staying:
        said = few(f"{title(obj)} {one}" for obj, one in staying)
        yield STAYS.found(said, remedy=f"{STAYS.remedy} rules: [{', '.join(_rules(o for o, _ in staying))}]")
    green = situation.green_inventory
    own = [] if green is None else [(o, one) for o, one in _publishing(green) if RUN not in annotations_of(o)]
    met = [(a, b, one) for a, one in blue for b, other in own if one.meets(other)]
    if met:
        yield SHARED.found(few(f"{title(b)} on green, as {title(a)} on blue {one}" for a, b, one in met))


def _publishing(inventory: Inventory) -> Iterator[tuple[Object, Publisher]]:
    """The workloads that write DNS records, and are not at rest."""
    for kind in KINDS:
        for obj in inventory.of(kind, "apps"):
            if dig(obj, "spec", "replicas", default=1) != 0:
                yield from ((obj, one) for one in publishers_of(dig(obj, "spec", "template", default={})))


def _rules(objects: Iterator[Object]) -> list[str]:
    return sorted(
        {
            f"{{kind: {kind_of(o)}, namespace: {namespace_of(o)}, name: {name_of(o)}, replay: true, reason: writes DNS}}"
            for o in objects
        }
    )

"""APIServices of the aggregation layer: what stands behind one answers before anything relies on its kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.doors.cluster import Cluster
from migrate.doors.doors import Doors
from migrate.doors.reading import read_inventory
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, dig
from migrate.model.verdict import Verdict, inconclusive, passed
from migrate.replay.kinds import API_SERVICE

_MEND = (
    "Mend what answers for it on green: kubectl describe apiservice {name} names its Service. To leave it on blue: "
    "workloads.rules: [{{kind: APIService, name: {name}, skip: true, reason: ...}}], then cnimigrate amend and run."
)


def available(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
    """Each of `refs` is Available on green, in the words of green's own condition; those `broken` were not on blue either.

    Of those `reliedOn` discovery shows the kinds as well: the condition comes a moment earlier.
    """
    green = doors.cluster(Side.GREEN)
    standing = read_inventory(green, only=[API_SERVICE])
    verdicts, hidden = [], _undiscovered(green) if params["reliedOn"] else {}
    for ref in map(Ref.of_json, params["refs"]):
        found = standing.find(ref)
        if str(ref) in params["broken"] and found is not None:
            said = f"{ref} need not be Available: it was not on blue. On green it is {told(found)}"
            verdicts.append(passed(f"{ref} is Available", said))
        elif not is_available(found):
            verdicts.append(_open(ref, f"{ref} is not Available on green: {told(found)}"))
        elif str(ref) in params["reliedOn"] and (why := hidden.get(_group_version(found))):
            verdicts.append(_open(ref, f"{ref} is Available, but discovery does not show its kinds: {why}"))
        else:
            verdicts.append(passed(f"{ref} is Available", f"{ref} is {told(found)}"))
    return verdicts


def is_available(service: Object | None) -> bool:
    """Whether an APIService's condition says that its server answers."""
    return _condition(service).get("status") == "True"


def is_away(service: Object | None) -> bool:
    """Whether an APIService's condition says that its server does not answer; one that says nothing is not away."""
    return _condition(service).get("status") == "False"


def told(service: Object | None) -> str:
    """An APIService's condition in the server's own words."""
    if service is None:
        return "not there"
    said = _condition(service)
    if not said:
        return "without a condition yet"
    return f"{said.get('reason', 'of no reason')} ({said.get('message', 'without a word')})"


def _condition(service: Object | None) -> Mapping[str, Any]:
    conditions = dig(service or {}, "status", "conditions", default=()) or ()
    return next((c for c in conditions if c.get("type") == "Available"), {})


def _undiscovered(green: Cluster) -> Mapping[str, str]:
    green.resources()  # what could not be seen into is that of the latest discovery
    return green.undiscovered


def _group_version(service: Object | None) -> str:
    return f"{dig(service, 'spec', 'group')}/{dig(service, 'spec', 'version')}"


def _open(ref: Ref, evidence: str) -> Verdict:
    return inconclusive(f"{ref} is Available", evidence, _MEND.format(name=ref.name))

"""RIGHT: what these credentials may not do, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrate.assess.families import Code, Situation
from migrate.assess.wording import few
from migrate.model.facts import Finding, Severity
from migrate.model.inventory import EVERY_KIND

MISSING = Code(
    "RIGHT-001",
    Severity.BLOCKER,
    "rights are missing",
    "The rights that the plan needs were asked of the API servers (SelfSubjectAccessReview). A run that finds a right "
    "missing in the middle stops with things half way.",
    "The run would stop at the first act that needs one of them.",
    "Let an administrator apply what cnimigrate rbac prints, or use a kubeconfig that has the rights, then assess again.",
)
UNREAD = Code(
    "RIGHT-002",
    Severity.BLOCKER,
    "built-in resources could not be listed",
    "Every object of blue must appear in the plan with a rule; what cannot be listed cannot.",
    "Objects of these kinds would be left behind without anybody noticing.",
    "Give these credentials list on the resources (cnimigrate rbac --phase assess), then assess again.",
)
UNREAD_OTHER = Code(
    "RIGHT-003",
    Severity.WARNING,
    "custom or aggregated resources could not be listed",
    "Discovery names the resources, but listing them failed: a right is missing, or the API server behind an APIService "
    "does not answer.",
    "Objects of these kinds, if there are any, do not move.",
    "Mend the APIService or the right, or make sure that nothing of these kinds has to move.",
)
CODES = (MISSING, UNREAD, UNREAD_OTHER)

_DOWN = (
    "What serves {groups} does not answer, and no right mends that: kubectl get apiservices tells who is to serve it. Bring "
    "that up, or delete the APIService where nothing of it has to move; then assess again."
)

_BUILT_IN = frozenset({"", "apps", "batch", "autoscaling", "policy", "extensions"})


def find(situation: Situation) -> Iterator[Finding]:
    """Report missing rights and unreadable resources of blue."""
    if situation.missing_rights:
        yield MISSING.found(few(situation.missing_rights, 10))
    unreadable = situation.blue_inventory.unreadable
    built_in = {n: why for n, why in unreadable.items() if _is_built_in(n)}
    if built_in:
        said = few((f"{name} ({why})" for name, why in built_in.items()), 10)
        yield UNREAD.found(said, remedy=_remedy(built_in))
    others = {n: why for n, why in unreadable.items() if n not in built_in}
    if others:
        yield UNREAD_OTHER.found(few((f"{name} ({why})" for name, why in others.items()), 10))


def _remedy(unread: Iterable[str]) -> str:
    """What helps where kinds may not be listed, and where a group could not even be discovered."""
    names = list(unread)
    down = [name for name in names if name.startswith(f"{EVERY_KIND}.")]
    said = [_DOWN.format(groups=few(down, 3))] if down else []
    return " ".join([*([UNREAD.remedy] if len(down) < len(names) else []), *said])


def _is_built_in(resource: str) -> bool:
    """Whether `plural.group` is one of Kubernetes' own that a workload may consist of; metrics and CRDs are not."""
    group = resource.partition(".")[2]
    return group in _BUILT_IN or (
        group.endswith(".k8s.io")
        and group not in {"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"}
    )

"""Kinds that Kubernetes itself serves and these rules do not know: a newer server than they were written for."""

from __future__ import annotations

from migrate.model.groups import BUILT_IN_GROUPS
from migrate.replay import kinds
from migrate.replay.rule import Rule, Subject, ask
from migrate.replay.sanitising.everywhere import FIELDS
from migrate.replay.surroundings import Surroundings


def _unknown(subject: Subject, _surroundings: Surroundings) -> str | None:
    known = subject.kind in FIELDS or subject.ref.group not in BUILT_IN_GROUPS
    return None if known else f"{subject.obj.get('apiVersion')} {subject.ref.kind}"


RULES: tuple[Rule, ...] = (
    ask(
        "decide.pod-security-policy",
        "PodSecurityPolicies, while there is no green to say whether it serves them",
        "Kubernetes 1.25 removed it; see PSP-001 for the labels that take its place, and say skip",
        kinds.POD_SECURITY_POLICY,
        ("extensions", "PodSecurityPolicy"),
    ),
    ask(
        "decide.kind",
        "kinds of Kubernetes' own groups that this release does not know",
        "which of its fields are the server's own is not known; say replay (every field but `status`) or skip",
        when=_unknown,
    ),
)

"""What of Services and Endpoints blue's own network gave them."""

from __future__ import annotations

from migrate.model.objects import Object, dig
from migrate.replay import kinds
from migrate.replay.edits import removed
from migrate.replay.sanitising.edit import Edit, Setting, edit, without_labels


def _cluster_ip(target: Object, _setting: Setting) -> Object:
    if dig(target, "spec", "clusterIP") == "None":
        return target
    return removed(removed(target, "spec", "clusterIP"), "spec", "clusterIPs")


def _health_check(target: Object, _setting: Setting) -> Object:
    return removed(target, "spec", "healthCheckNodePort")


def _families(target: Object, setting: Setting) -> Object:
    stated = set(dig(target, "spec", "ipFamilies", default=()) or ())
    if setting.families is None or stated <= setting.families:
        return target
    target = removed(target, "spec", "ipFamilies")
    if dig(target, "spec", "ipFamilyPolicy") == "RequireDualStack":
        target = removed(target, "spec", "ipFamilyPolicy")
    return target


EDITS: tuple[Edit, ...] = (
    edit(
        "service.cluster-ip",
        "`clusterIP` and `clusterIPs`, unless it is headless (None); node ports stay",
        "addresses of blue's range; balancers outside point at node ports",
        kinds.SERVICE,
        change=_cluster_ip,
    ),
    edit(
        "service.health-check-port",
        "`healthCheckNodePort`",
        "blue's server chose it; green's chooses one that is free",
        kinds.SERVICE,
        change=_health_check,
    ),
    edit(
        "service.families",
        "`ipFamilies` where green lacks one of them, and then `ipFamilyPolicy: RequireDualStack`",
        "green would refuse it; the choice is left to green",
        kinds.SERVICE,
        change=_families,
    ),
    edit(
        "endpoints.managed-by",
        "label `endpoints.kubernetes.io/managed-by`",
        "it says that the cluster's own controller made them, and what moves is made by hand",
        kinds.ENDPOINTS,
        change=without_labels("endpoints.kubernetes.io/managed-by"),
    ),
)

"""What can be waited for, one file a family: looks once through the doors and says how things stand."""

from __future__ import annotations

from collections.abc import Mapping

from migrate.actions.conditions import (
    addresses,
    apis,
    autoscalers,
    below,
    calico,
    claims,
    crds,
    endpoints,
    namespaces,
    volumes,
    workloads,
)
from migrate.actions.wait import Condition

CONDITIONS: Mapping[str, Condition] = {
    "addresses-freed": addresses.freed,
    "addresses-given": addresses.given,
    "apis-available": apis.available,
    "autoscalers-active": autoscalers.active,
    "calico-ready": calico.ready,
    "claims-bound": claims.bound,
    "crds-established": crds.established,
    "endpoints-ready": endpoints.ready,
    "nothing-below": below.nothing,
    "namespaces-active": namespaces.active,
    "claims-unused": volumes.unused,
    "volumes-bound": volumes.bound,
    "volumes-free": volumes.free,
    "workloads-ready": workloads.ready,
    "workloads-off": workloads.off,
}

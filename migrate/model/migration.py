"""The migration file as a frozen value: what a person writes, with every default filled in.

Keys are camelCase in the file and snake_case here; an unknown key is an error. Checks that need more than one key
live in `planning`, next to the words in which they are reported.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DURATION = r"^([0-9]+(ms|s|m|h|d))+$"
PERCENT = r"^[0-9]+(\.[0-9]+)?%$"
FACTOR = r"^[0-9]+(\.[0-9]+)?x$"
SHA256 = r"^[0-9a-f]{64}$"

Duration = Annotated[str, Field(pattern=DURATION)]
"""Text such as "90s", "5m", "1h30m" or "7d"; read it with `seconds`."""

Percent = Annotated[str, Field(pattern=PERCENT)]
Factor = Annotated[str, Field(pattern=FACTOR)]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(duration: str) -> float:
    """Read a duration; raises ValueError for text that is none."""
    if not re.fullmatch(DURATION, duration):
        message = f"{duration!r} is no duration; write for example 90s, 5m, 1h30m or 7d"
        raise ValueError(message)
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)(ms|s|m|h|d)", duration))


class Part(BaseModel):
    """What every part of the file has in common: frozen, camelCase, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Metadata(Part):
    """The migration's name: it names the state directory and the Lease."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$")


class Blue(Part):
    """The cluster left: a kubeconfig, or a simulated cluster from a file (empty for the embedded one)."""

    kubeconfig: str | None = None
    context: str | None = None
    simulated: str | None = None
    cni: Literal["weave", "flannel", "canal"] | None = None


class ProvisionerSpec(Part):
    """How green comes to be."""

    kind: Literal["existing", "command", "simulated"] = "existing"
    kubeconfig: str | None = None
    context: str | None = None
    create: tuple[str, ...] = ()
    destroy: tuple[str, ...] = ()
    deadline: Duration = "30m"


class Network(Part):
    """Green's ranges."""

    pod_cidr: str = Field(default="10.48.0.0/14", alias="podCIDR")
    service_cidr: str = Field(default="10.112.0.0/16", alias="serviceCIDR")


class Pool(Part):
    """One of Calico's IP pools, exactly as it shall stand."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")
    cidr: str
    block_size: int = Field(default=26, ge=20, le=32)
    encapsulation: Literal["IPIP", "IPIPCrossSubnet", "VXLAN", "VXLANCrossSubnet", "None"] = "VXLAN"
    nat_outgoing: bool = True
    namespaces: tuple[str, ...] = ()


class CalicoInstall(Part):
    """Where Calico's manifests come from: a file, a directory, or a URL with its checksum."""

    kind: Literal["manifest", "operator"] = "manifest"
    source: str = Field(default="", alias="from")
    sha256: str | None = Field(default=None, pattern=SHA256)


class Calico(Part):
    """Green's Calico; without pools, one named default that covers podCIDR."""

    version: str = Field(default="v3.32.1", pattern=r"^v[0-9]+\.[0-9]+\.[0-9]+$")
    install: CalicoInstall = CalicoInstall()
    pools: tuple[Pool, ...] = ()


class Green(Part):
    """The cluster entered."""

    provisioner: ProvisionerSpec = ProvisionerSpec()
    network: Network = Network()
    calico: Calico = Calico()


OnConflict = Literal["stop", "skip", "adopt"]
"""What becomes of an object whose name is taken on green by one that this run did not make."""


class ObjectRule(Part):
    """The operator's own decision about objects; it comes before every built-in rule and needs a reason.

    Globs are allowed; of an object's labels it has to carry all in `labels`. With `on_conflict` alone the built-in rules
    decide the form. `status` goes with `replay`: custom resources get blue's status, too.
    """

    kind: str
    group: str = ""
    namespace: str = "*"
    name: str = "*"
    labels: dict[str, str] = {}
    skip: bool = False
    replay: bool = False
    hold: bool = False
    on_conflict: OnConflict | None = None
    status: bool = False
    reason: str = Field(min_length=1)


class ObjectName(Part):
    """A workload by kind, namespace and name; globs are allowed."""

    kind: str = "*"
    namespace: str
    name: str = "*"


class VolSyncSpec(Part):
    """How VolSync copies, and in which image both ends are counted: VolSync itself counts nothing."""

    count_image: str = Field(min_length=1)
    copy_method: Literal["Direct", "Clone", "Snapshot"] = "Direct"
    service_type: Literal["LoadBalancer", "ClusterIP"] = "LoadBalancer"
    run_as_user: int | None = Field(default=None, ge=0)
    sample: int = Field(default=8, ge=0, le=32)


class MoverSpec(Part):
    """Who copies a claim's data: a program of yours, or VolSync; the contract is docs/mover-command.md."""

    kind: Literal["command", "volsync"] = "command"
    command: tuple[str, ...] = Field(default=(), min_length=1)
    # left out where it is not said: journals from before there was VolSync have no such key
    volsync: VolSyncSpec | None = Field(default=None, exclude_if=lambda block: block is None)
    deadline: Duration = "6h"


DATA_WORDS = "empty, restored, reattach or copy"
"""What may be said of a claim's data, as sentences name it."""


class Data(Part):
    """What becomes of the data behind claims, by namespace and name; globs are allowed.

    `empty`: green's volume starts empty, and that is right; `restored`: the operator has brought the data there, by a
    restore or by the application's own replication, when before-writers is approved; `reattach`: green takes over the
    very volume, once no pod of blue uses the claim and nothing of blue's has the volume attached; `copy`: the mover
    copies it, once while blue's writers are at work and once more when they are off.
    """

    namespace: str
    name: str = "*"
    as_: Literal["empty", "restored", "reattach", "copy"] = Field(alias="as")
    reason: str = Field(min_length=1)
    # left out where it is not said: journals from before there were movers have no such key
    mover: MoverSpec | None = Field(default=None, exclude_if=lambda mover: mover is None)


class StorageClassChange(Part):
    """A storage class of blue and the one of green that takes its place."""

    source: str = Field(alias="from", min_length=1)
    to: str = Field(min_length=1)


class Workloads(Part):
    """Which workloads move, and what may run on green before the cutover."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ("kube-system",)
    start: Literal["serving", "none"] | tuple[ObjectName, ...] = "serving"
    hold: tuple[ObjectName, ...] = ()
    volumes: tuple[Data, ...] = ()
    storage_classes: tuple[StorageClassChange, ...] = ()
    rules: tuple[ObjectRule, ...] = ()
    on_refusal: Literal["wave", "stop"] = "wave"
    gitops: Literal["replay", "compare"] = "replay"
    on_conflict: OnConflict = "stop"


class BatchSpec(Part):
    """Namespaces that move together."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$")
    namespaces: tuple[str, ...]
    after: tuple[str, ...] = ()


class Accepted(Part):
    """A difference between blue and green that may stay: a field that green's own controllers decide.

    Globs are allowed in all but `path`, which is written as differences are shown; what lies below it is meant, too.
    """

    kind: str
    group: str = ""
    namespace: str = "*"
    name: str = "*"
    path: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class Verify(Part):
    """What is checked on green before the cutover, and which differences may stay."""

    probes: tuple[str, ...] = ("all",)
    budget: Duration = "10m"
    accept: tuple[Accepted, ...] = ()


class RouteSpec(Part):
    """One way in: the Services behind it ("namespace/name"), and how to probe it.

    `probe` is the URL that clients use; `direct_blue` and `direct_green` reach one side whatever its weight. For
    `haproxy` the backend and its servers belong here when there is more than one route.
    """

    name: str = Field(min_length=1)
    services: tuple[str, ...] = ()
    probe: str | None = None
    direct_blue: str | None = None
    direct_green: str | None = None
    backend: str | None = None
    blue: tuple[str, ...] = ()
    green: tuple[str, ...] = ()


class HAProxy(Part):
    """HAProxy by its runtime socket; `state_file` is where `show servers state` is saved, so that a reload keeps it."""

    socket: str = Field(min_length=1)
    backend: str = Field(min_length=1)
    blue: tuple[str, ...] = Field(min_length=1)
    green: tuple[str, ...] = Field(min_length=1)
    state_file: str | None = None


class CommandTraffic(Part):
    """The operator's own programs; the contract is docs/cutover-command.md."""

    read: tuple[str, ...] = Field(min_length=1)
    set: tuple[str, ...] = Field(min_length=1)
    counts: tuple[str, ...] = ()
    deadline: Duration = "30s"


class ManualTraffic(Part):
    """A person turns the traffic; the run waits at a gate and checks by probing."""

    instruction: str = "Send {percent} % of the traffic of {route} to green."


class AbortThresholds(Part):
    """What sends a ramp back: error rate in percent, p99 latency as a multiple of blue's."""

    error_rate: Percent = "0.1%"
    latency_p99: Factor = Field(default="1.5x", alias="latencyP99")


class Snapshot(Part):
    """Blue as it was; Secrets are left out unless a key is named."""

    secrets_key: str | None = Field(
        default=None,
        description="A file with a Fernet key: 32 random bytes, url-safe base64",
        examples=["~/dc1.key"],
    )


class Cutover(Part):
    """How traffic moves."""

    kind: Literal["haproxy", "command", "manual", "simulated"] = "simulated"
    haproxy: HAProxy | None = None
    command: CommandTraffic | None = None
    manual: ManualTraffic | None = None
    routes: tuple[RouteSpec, ...] = ()
    mode: Literal["auto", "switch"] = "auto"
    ramp: tuple[int, ...] = (1, 5, 25, 50, 100)
    pause: Duration = "5m"
    min_samples: int = Field(default=3000, ge=1)
    probe_rate: int = Field(default=50, ge=1, le=2000)
    abort: AbortThresholds = AbortThresholds()
    on_inconclusive: Literal["hold", "return"] = "hold"


class Window(Part):
    """The change window, ISO 8601 with offset."""

    start: str
    end: str


class GateSpec(Part):
    """How a gate opens when it is more than a word."""

    mode: Literal["auto", "approval"] = "approval"
    approvers: int = Field(default=1, ge=1, le=5)
    not_: Literal["runner"] | None = Field(default=None, alias="not")
    ticket: Literal["required", "optional"] = "optional"
    expires: Duration | None = None


GateValue = Literal["auto", "approval"] | GateSpec


class Gates(Part):
    """The gates, in their order; before-replay defaults to approval where wave 9 starts something (decision 12)."""

    before_replay: GateValue | None = Field(default=None, alias="before-replay")
    before_start: GateValue = Field(default="approval", alias="before-start")
    before_cutover: GateValue = Field(default="approval", alias="before-cutover")
    before_full: GateValue = Field(default="approval", alias="before-full")
    before_writers: GateValue = Field(default="approval", alias="before-writers")


class Limits(Part):
    """What the run allows itself; each API server, blue's and green's, has a ceiling of its own."""

    in_flight: int = Field(default=64, ge=1, le=256)


class Migration(Part):
    """The whole file; `metadata.name`, `blue`, `green` and `cutover` are enough."""

    api_version: Literal["cnimigrate/v1"] = "cnimigrate/v1"
    kind: Literal["Migration"] = "Migration"
    metadata: Metadata
    blue: Blue
    green: Green = Green()
    workloads: Workloads = Workloads()
    batches: tuple[BatchSpec, ...] = ()
    snapshot: Snapshot = Snapshot()
    verify: Verify = Verify()
    cutover: Cutover = Cutover()
    window: Window | None = None
    gates: Gates = Gates()
    limits: Limits = Limits()
    soak: Duration = "7d"
    keep: tuple[Literal["annotations"], ...] = ()

    @property
    def name(self) -> str:
        """The migration's name."""
        return self.metadata.name

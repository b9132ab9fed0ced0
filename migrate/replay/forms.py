"""The forms of what is written: deferred, held or as it is; the first rule that matches shapes the object."""

from __future__ import annotations

from migrate.model.decision import Form
from migrate.model.ids import RuleId
from migrate.model.objects import Object, dig, namespace_of
from migrate.replay import gitops_forms, hold, kinds
from migrate.replay.addresses import ANNOUNCERS
from migrate.replay.claims import claim, claim_taken, taken_over, volume_taken
from migrate.replay.classes import EXCLUSIVE, SERVING, UNKNOWN
from migrate.replay.definitions import explicit, lax
from migrate.replay.edits import replaced
from migrate.replay.kinds import Kind
from migrate.replay.operator import SYSTEM_NAMESPACES
from migrate.replay.replications import KINDS as REPLICATIONS
from migrate.replay.rule import Matcher, Rule, Shape, Shaper, Subject, as_it_is
from migrate.replay.sanitising.everywhere import unapplied
from migrate.replay.surroundings import Surroundings
from migrate.replay.switches import SWITCHES

_ANNOTATIONS = ("metadata", "annotations")
KEDA_REPLICAS = "autoscaling.keda.sh/paused-replicas"
KEDA_PAUSED = "autoscaling.keda.sh/paused"
"""Annotations by which KEDA keeps a workload at a number, and makes no more Jobs; source: KEDA's documentation."""


def _is(word: str) -> Matcher:
    def matches(subject: Subject, surroundings: Surroundings) -> str | None:
        classified = surroundings.classes.of(subject.obj)
        return "; ".join(classified.evidence) if classified.word == word else None

    return matches


def _workload(subject: Subject, surroundings: Surroundings, target: Object) -> Shape:
    word = surroundings.classes.of(subject.obj).word
    exclusive = word != SERVING
    waits = surroundings.admission.waits_for(subject.ref)
    notes = [f"waits for webhook configuration {', '.join(ref.name for ref in waits)}"] if waits else []
    if subject.kind == kinds.POD:
        target, record = hold.gated(target)
    elif subject.kind == kinds.DAEMON_SET:
        target, record = hold.off_every_node(target, exclusive=exclusive)
    else:
        scaler = surroundings.blue.autoscalers.get(
            (namespace_of(subject.obj), subject.ref.kind, subject.ref.name)
        )
        wanted = dig(scaler, "status", "currentReplicas") or None
        if scaler and wanted:
            notes.append(f"autoscaler {scaler['metadata']['name']} last had {wanted} replicas")
        retention = dig(subject.obj, *hold.RETENTION, default={})
        if subject.kind == kinds.STATEFUL_SET and "Delete" in retention.values():
            target = replaced(target, hold.RETENTION, retention)
        target, record = hold.at_zero(
            target, wanted=wanted, rest=hold.twin_at_zero(subject.obj) if exclusive else None
        )
    return Shape(target, record, word, "; ".join(notes))


def _backend(subject: Subject, surroundings: Surroundings) -> str | None:
    needed = surroundings.admission.started.get(subject.ref)
    return f"backs {', '.join(f'{ref.kind} {ref.name}' for ref in needed)}" if needed else None


def _serving(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    return Shape(target, workload_class=SERVING)


def _waiting(subject: Subject, surroundings: Surroundings) -> str | None:
    if subject.ref not in surroundings.admission.deferred:
        return None
    waiting = surroundings.admission.backings[subject.ref].waiting
    return f"waits for {', '.join(map(str, waiting))}" if waiting else "its backend waits for another webhook"


def _deferred(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    return Shape(target, hold.deferred(target))


def _controls(subject: Subject, surroundings: Surroundings) -> str | None:
    offspring = surroundings.parents.of(subject.ref)
    return str(offspring) if offspring is not None else None


def _cron_job(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    return Shape(target, hold.deferred(target, rest=("spec", "suspend")), EXCLUSIVE)


def _keda(subject: Subject, surroundings: Surroundings, target: Object) -> Shape:
    """Pause blue's only where it would wake what has been put to rest: a serving target goes on as it is."""
    if subject.kind == kinds.SCALED_JOB:
        return Shape(
            target, hold.deferred(target, rest=(*_ANNOTATIONS, KEDA_PAUSED), value="true"), EXCLUSIVE
        )
    scaled = dig(subject.obj, "spec", "scaleTargetRef", default={})
    group = str(scaled.get("apiVersion", "apps/v1")).rpartition("/")[0]
    name, kind = str(scaled.get("name", "")), str(scaled.get("kind", "Deployment"))
    workload = surroundings.blue.inventory.named(kind, name, subject.ref.namespace, group)
    if workload is not None and surroundings.classes.of(workload).word == SERVING:
        return _deferred(subject, surroundings, target)
    return Shape(target, hold.deferred(target, rest=(*_ANNOTATIONS, KEDA_REPLICAS), value="0"))


def _replication(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    return Shape(target, hold.deferred(target, rest=("spec", "paused")))


def _job(subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    if dig(subject.obj, "spec", "suspend"):
        return Shape(target, workload_class=EXCLUSIVE)
    return Shape(*hold.suspended(target), EXCLUSIVE)


def _reaches_out(subject: Subject, _surroundings: Surroundings) -> str | None:
    if dig(subject.obj, "spec", "type") == "LoadBalancer":
        return "type LoadBalancer"
    addresses = dig(subject.obj, "spec", "externalIPs")
    return f"externalIPs {', '.join(addresses)}" if addresses else None


def _inert(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    return Shape(*hold.inert(target))


def _parked(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    return Shape(*hold.parked(target))


def _named_default(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if subject.ref.name == "default" else None


def _merged(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    return Shape(unapplied(target))


def _system_namespace(subject: Subject, surroundings: Surroundings) -> str | None:
    if subject.ref.name not in SYSTEM_NAMESPACES:
        return None
    users = surroundings.selected_namespaces.by_label
    carried = surroundings.selected_namespaces.carried(subject.obj)
    return "; ".join(f"{users[label]} selects by label {label}" for label in sorted(carried))


def _selected_labels(subject: Subject, surroundings: Surroundings, target: Object) -> Shape:
    """Only the labels that are selected by, unless the operator wants the namespace replayed: then all that is blue's own."""
    if subject.word:
        return _merged(subject, surroundings, target)
    labels = dict(surroundings.selected_namespaces.carried(subject.obj))
    bare = {key: target[key] for key in ("apiVersion", "kind")}
    return Shape({**bare, "metadata": {"name": subject.ref.name, "labels": labels}})


def _suspended_job(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if dig(subject.obj, "spec", "suspend") else None


def _system_binding(subject: Subject, surroundings: Surroundings) -> str | None:
    return "" if subject.ref in surroundings.blue.system_bindings else None


def _form(
    rule: str, form: Form, sentence: str, reason: str, *of: Kind, when: Matcher, shape: Shaper = as_it_is
) -> Rule:
    return Rule(RuleId(rule), form, sentence, reason, frozenset(of) or None, when, shape)


def _lax(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if lax(subject.obj) else None


def _explicit(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    return Shape(explicit(target))


def _all(_subject: Subject, _surroundings: Surroundings) -> str | None:
    return ""


_RUNS = (*sorted(kinds.WORKLOADS), kinds.POD)

FORMS: tuple[Rule, ...] = (
    _form(
        "merge.default-account",
        Form.REPLAYED,
        "ServiceAccounts `default` with something of their own",
        "green makes it with the namespace; what blue added is merged into it",
        kinds.SERVICE_ACCOUNT,
        when=_named_default,
        shape=_merged,
    ),
    _form(
        "merge.default-namespace",
        Form.REPLAYED,
        "Namespace `default` with labels or annotations of its own",
        "green has it; what blue added is merged into it",
        kinds.NAMESPACE,
        when=_named_default,
        shape=_merged,
    ),
    _form(
        "merge.system-namespace",
        Form.REPLAYED,
        "Namespaces kube-system, kube-public and kube-node-lease with labels by which a policy or a webhook that moves "
        "selects, or that a rule of yours replays",
        "green has it; without the labels the policy would let nothing through there, and the webhook spare nobody",
        kinds.NAMESPACE,
        when=_system_namespace,
        shape=_selected_labels,
    ),
    _form(
        "defer.cronjob",
        Form.DEFERRED,
        "CronJobs",
        "made at the cutover: one that is woken from suspension runs what it missed at once",
        kinds.CRON_JOB,
        when=_all,
        shape=_cron_job,
    ),
    _form(
        "defer.autoscaler",
        Form.DEFERRED,
        "HorizontalPodAutoscalers and VerticalPodAutoscalers",
        "made at the cutover: it would scale held workloads",
        kinds.AUTOSCALER,
        kinds.VERTICAL_AUTOSCALER,
        when=_all,
        shape=_deferred,
    ),
    _form(
        "defer.keda",
        Form.DEFERRED,
        "KEDA's ScaledObjects and ScaledJobs",
        "made at the cutover, after blue's is paused: it would start what is held",
        kinds.SCALED_OBJECT,
        kinds.SCALED_JOB,
        when=_all,
        shape=_keda,
    ),
    _form(
        "defer.replication",
        Form.DEFERRED,
        "VolSync's ReplicationSources and ReplicationDestinations",
        "made last at the cutover, after blue's is paused: it copies at once, over the backups of full claims what empty ones have",
        *sorted(REPLICATIONS),
        when=_all,
        shape=_replication,
    ),
    _form(
        "defer.address-pool",
        Form.DEFERRED,
        "the pools and announcements of MetalLB, PureLB and OpenELB",
        "made once the traffic has moved: green would announce addresses that blue still has",
        *sorted(ANNOUNCERS),
        when=_all,
        shape=_deferred,
    ),
    _form(
        "defer.webhook",
        Form.DEFERRED,
        "webhook configurations and APIServices whose backend may not run before the cutover",
        "without an answer it would block, or change nothing; it waits together with its backend",
        kinds.MUTATING_WEBHOOKS,
        kinds.VALIDATING_WEBHOOKS,
        kinds.API_SERVICE,
        when=_waiting,
        shape=_deferred,
    ),
    _form(
        "replay.suspended-job",
        Form.REPLAYED,
        "Jobs that are suspended on blue",
        "it sleeps on blue, and sleeps on green",
        kinds.JOB,
        when=_suspended_job,
        shape=_job,
    ),
    _form(
        "hold.job",
        Form.HELD,
        "Jobs at work that the operator lets move",
        "suspended until the cutover, blue's first",
        kinds.JOB,
        when=_all,
        shape=_job,
    ),
    _form(
        "replay.webhook-backend",
        Form.REPLAYED,
        "serving workloads that answer webhooks or aggregated APIs",
        "it serves, and wave 9 needs it: started at once, listed at before-replay",
        *_RUNS,
        when=_backend,
        shape=_serving,
    ),
    _form(
        "hold.exclusive",
        Form.HELD,
        "workloads that must not run twice at once",
        "held until blue's is off",
        *_RUNS,
        when=_is(EXCLUSIVE),
        shape=_workload,
    ),
    _form(
        "hold.serving",
        Form.HELD,
        "workloads that a Service selects, without evidence of exclusivity",
        "held until its batch starts; it may run on both sides",
        *_RUNS,
        when=_is(SERVING),
        shape=_workload,
    ),
    _form(
        "hold.unknown",
        Form.HELD,
        "workloads that no Service selects, or only one for metrics",
        "held until blue's is off: probably a worker",
        *_RUNS,
        when=_is(UNKNOWN),
        shape=_workload,
    ),
    _form(
        "hold.service",
        Form.HELD,
        "Services of type LoadBalancer, or with external addresses",
        "without an address outside until the cutover: two clusters that announce one address steal each other's traffic",
        kinds.SERVICE,
        when=_reaches_out,
        shape=_inert,
    ),
    _form(
        "hold.ingress",
        Form.HELD,
        "Ingresses and Gateways",
        "under a class that nobody serves until a route leads through it",
        kinds.INGRESS,
        kinds.GATEWAY,
        when=_all,
        shape=_parked,
    ),
    *gitops_forms.RULES,
    *(switch.rule for switch in SWITCHES),
    _form(
        "defer.custom",
        Form.DEFERRED,
        "custom resources that control what may not run twice, to any depth",
        "made when the writers move, once its controller is off on blue, and then what that has made",
        when=_controls,
        shape=_deferred,
    ),
    _form(
        "replay.system-binding",
        Form.REPLAYED,
        "RoleBindings in system namespaces with a ServiceAccount that moves, and the Roles they name",
        "without it a controller that moves could not lead, nor read what it needs there",
        kinds.ROLE,
        kinds.ROLE_BINDING,
        when=_system_binding,
    ),
    _form(
        "defer.volume",
        Form.DEFERRED,
        "PersistentVolumes whose claim the file wants re-attached",
        "made when the writers move, once no pod of blue uses the claim and nothing has the volume attached",
        kinds.PERSISTENT_VOLUME,
        when=taken_over,
        shape=volume_taken,
    ),
    _form(
        "defer.claim",
        Form.DEFERRED,
        "PersistentVolumeClaims that the file wants re-attached",
        "made when the writers move, right behind its volume",
        kinds.CLAIM,
        when=taken_over,
        shape=claim_taken,
    ),
    _form(
        "replay.claim",
        Form.REPLAYED,
        "PersistentVolumeClaims",
        "asks green's provisioner for a volume of its own",
        kinds.CLAIM,
        when=_all,
        shape=claim,
    ),
    _form(
        "replay.definition",
        Form.REPLAYED,
        "CustomResourceDefinitions that keep fields in the way of apiextensions v1beta1",
        "says in its schemas that it keeps them: v1 takes no new definition that says it otherwise",
        kinds.DEFINITION,
        when=_lax,
        shape=_explicit,
    ),
    _form("replay.default", Form.REPLAYED, "everything else", "moves as it is, sanitised", when=_all),
)

"""The rules as a document: docs/rules.md, rendered from the very rules that decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrate.model.marks import HELD, PRIOR, RUN, SOURCE_HASH, SOURCE_UID
from migrate.replay.addresses import FIXED
from migrate.replay.flags import FLAGS, Flag
from migrate.replay.forms import FORMS
from migrate.replay.insiders import INSIDERS
from migrate.replay.kinds import POD, Kind
from migrate.replay.outsiders import OUTSIDERS
from migrate.replay.rule import Rule
from migrate.replay.rules import SKIPS
from migrate.replay.rules.standing import STANDING
from migrate.replay.sanitising import EDITS, Edit
from migrate.replay.sanitising.edit import PODS
from migrate.replay.sanitising.everywhere import FIELDS
from migrate.replay.turns import TURNS, Turn
from migrate.replay.waves import WAVES

_HEAD = """\
# Replay rules

Generated from the rules themselves by `migrate.replay.document()`; do not edit.

Every object of blue gets one decision, by the first rule that matches: replayed, held, deferred, compared (made by
green's own GitOps), skipped or needs-decision. The Plan, the log and the report cite the rule's id. Your own `workloads.rules` come first, with
the ids `operator.1`, `operator.2`, …; a rule for every namespace (`*`) that brings objects in does not reach
kube-system, kube-public and kube-node-lease: name what moves out of them. Nor does one with a glob for its kind pass
`never.*`, `cni.*`, `managed.*`, `owner.*` and `finished.*`; one that names the kind does, and its evidence says against which rule.
"""

_AFTER_SKIPS = """
## What is written, and in which form

Tried after the rules above; with `replay: true` your own rule leads straight here, past all but
`green.not-served`, `green.other-version`, `never.no-create`, `volume.tied`, `volume.in-use`, `volume.twice`, `volume.terminating`, `volume.data` and (unless it
names the object without a glob) `custom.never-twice`. With `hold: true` a workload
counts as exclusive, and what has no dormant form is made only at the cutover. With `status: true` beside
`replay: true` a custom resource gets blue's status as well, once, where its definition has one apart and green has not
written one by itself; what was observed of the generation that moves counts as observed of green's first.
"""

_EDITED = """
## What goes or changes on the way

Of every object that is written or compared, each of these edits of its kind is made, in this order. What no edit names
is kept as it is, empty maps and lists included: an egress rule `{}` allows everything, its absence denies it.
`cnimigrate plan --object` names those that changed something of an object.

"""

_TOLD = """
## What is told of what moves

It keeps no object from moving, and stands in the evidence of its decision.

| flag | of | what is told | what for |
|---|---|---|---|
"""

_TAKEN = """
## Names that are taken on green

Tried last, once green stands, against what it has:

"""

_POLICY = """
Apart from such classes, each object on green that has a name of ours and is not from this run is found before the first
object is written; `cnimigrate plan --objects` shows it, whether it is equal to what would be written, and else where it
differs and what it has beside that. `workloads.onConflict`, or the first of `workloads.rules` that has `onConflict`, says what becomes of it:

- `stop` (the default): the run ends with exit 33 and names all of them.
- `skip`: green's object stays as it is, our decision becomes skipped, `green.stands`, and parity names it as green's own.
- `adopt`: it gets our marks and, where it differs, what it lacks, by server-side apply without force. A field that
  somebody else owns there and has otherwise is told by name before anything is written. What it has beside ours stays,
  and fails the verification by path until `verify.accept` names it. The way back takes away our marks and what we added, and never deletes it. What is made only at the cutover is not adopted, nor what carries another run's marks.
"""

_CLASSES = """
## Classes of workloads

A workload is *serving* when a Service selects its pods and nothing speaks for exclusivity (or `workloads.start` lists
it), *exclusive* with evidence, else *unknown*. One replica alone is no evidence. What `workloads.start` names outright,
without a glob in namespace or name, is started against evidence, and what speaks against it is shown; a claim whose
data or volume comes from blue is never started so. Evidence of exclusivity:

- `workloads.hold`, or a rule with `hold: true`: stronger than `workloads.start`
- a claim, or a claim template, that is not ReadWriteMany or ReadOnlyMany; a claim that could not be read
- strategy `Recreate`
- a Lease (or an older leader record) that one of its pods holds, by the pod's name, host name or address; in its own
  namespace also by the name or address of the node whose network the pod is in
- an argument like `--leader-elect` or `--leaderElection.enabled=true`, in a shell's line too; a variable like
  `LEADER_ELECT`; one that names the election's lock or its times (`--leader-election-id`), where no switch says otherwise
- it makes what a custom resource controls and may not run twice: by RBAC its account may watch the kind and create what
  stands below it. A right that names the kind's API group counts; one for every group only where nobody has the other.
  What `workloads.start` says lifts that as little as it lifts data
- an image that acts on the outside world, by its path; a sidecar's (an init container that is always restarted) too:

| image | what it does | two of them | turn |
|---|---|---|---|
"""

_INSIDE = """
A controller that acts only in the cluster it runs in is serving, whoever holds its Lease; what another container of its pod
is told counts all the same:

| image | what it does | two of them do no harm |
|---|---|---|
"""

_TURNS = f"""
## Turns of the cutover

What is held or deferred is let go in this order, blue's twin proven off first. What would act from blue's side meanwhile
(KEDA's objects and everything from turn 4 on) goes off on blue before turn 1. A workload that a switched route needs, or
that answers a webhook that others wait for, is in turn 1 whatever it is.

A custom resource that controls what may not run twice, to any depth, is in turn 1 with who makes that: on blue its makers go
off, then what they made, by its own fields (replicas, a node selector, suspend); proven off, the resource is made on green,
and its makers are let go of. The way back ends green's makers first, then what they made there, then the resource. That
what they make on green is Ready is not waited for.

Before a serving workload starts, its first pod is tried on green by a dry run (`canary pod of ...`): what green refuses,
or does not inject as on blue, stops the start. Of every other workload that is held it is tried as green is verified, and once
more before the first of blue's goes off. What could not be tried, or compared, is told as `not checked`. Whether
the names of headless Services resolve on green is not checked: only the endpoints behind them are.

Before all turns, with the serving workloads behind before-start, what clients of a ramped route come in by is let go of
(Ingresses, Gateways, load balancers without an address of their own): at weight 0 only probes come through it. Where it
cannot be told by which of them a route leads in, all are. For a switched route that happens after turn 2.

A Service has an address of its own by `spec.externalIPs`, by `spec.loadBalancerIP` or by one of these annotations, and
blue's is freed before green asks for it:

{chr(10).join(f"- `{key}`" for key in FIXED)}

| turn | what |
|---|---|
"""

_MARKS = f"""
## Marks

Annotations on what is written, taken away by `finish` unless the migration file keeps them: `{RUN}`,
`{SOURCE_UID}`, `{SOURCE_HASH}` (keyed with the run's key) and, on held objects,
`{HELD}` (what the held fields were on blue). What green made itself (`merge.*`) carries none. Labels of pod templates are never touched.

On blue, what is paused or put to rest carries `{PRIOR}`: the merge patch that takes it back, null for what was absent. The
way back takes it away, and so does `finish`.
"""


_MANY = {
    PODS: "pods and pod templates",
    PODS - {POD}: "pod templates",
    frozenset(FIELDS): "built-in kinds",
}
"""What many kinds are called together."""


def document() -> str:
    """Render docs/rules.md."""
    parts = [
        _HEAD,
        "\n## What is left out, or asked\n\n",
        *_table(SKIPS),
        _AFTER_SKIPS,
        "\n",
        *_table(FORMS),
        _EDITED,
        *_edits(EDITS),
        _TOLD,
        *_flags(FLAGS),
        _TAKEN,
        *_table(STANDING),
        _POLICY,
        _CLASSES,
        *(f"| `{one.id}` | {one.what} | {one.reason} | {one.turn.value} |\n" for one in OUTSIDERS),
        _INSIDE,
        *(f"| `{one.id}` | {one.what} | {one.reason} |\n" for one in INSIDERS),
        "\n## Waves\n\nGreen has accepted every object of a wave before the next begins. What is waited for beside that:\n\n",
        "| wave | content | before the next |\n|---|---|---|\n",
        *(f"| {wave.number} | {wave.title} | {wave.gate or '-'} |\n" for wave in WAVES),
        _TURNS,
        *(f"| {turn.value} | {TURNS[turn]} |\n" for turn in Turn),
        _MARKS,
    ]
    return "".join(parts)


def _edits(edits: Iterable[Edit]) -> Iterator[str]:
    yield "| edit | of | goes or changes | because |\n|---|---|---|---|\n"
    for edit in edits:
        yield f"| `{edit.id}` | {_kinds(edit.kinds)} | {edit.sentence} | {edit.reason} |\n"


def _flags(flags: Iterable[Flag]) -> Iterator[str]:
    for flag in flags:
        yield f"| `{flag.id}` | {_kinds(flag.kinds)} | {flag.sentence} | {flag.reason} |\n"


def _kinds(kinds: frozenset[Kind] | None) -> str:
    if kinds is None:
        return "every kind"
    return _MANY.get(kinds) or ", ".join(sorted(kind for _, kind in kinds))


def _table(rules: Iterable[Rule]) -> Iterator[str]:
    yield "| rule | form | matches | because |\n|---|---|---|---|\n"
    for rule in rules:
        yield f"| `{rule.id}` | {rule.form.value} | {rule.sentence} | {rule.reason} |\n"

"""Install Calico on green from its manifests: definitions Established first, pools exactly as planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from migrate.actions.apply import apply
from migrate.actions.wait import wait
from migrate.calico.manifests import Group, plan_install
from migrate.calico.pools import CRD_V1, ip_pool, planned_pools
from migrate.calico.validation import validate
from migrate.engine.step import Batches, Scene
from migrate.errors import Stopped
from migrate.model.canonical import keyed_digest
from migrate.model.ids import ActionKey, Phase, Side, StepId
from migrate.model.migration import Green, Pool
from migrate.model.objects import Object, group_of, kind_of, name_of, ref_of
from migrate.steps.base import BaseStep, chunks

DEADLINE = 600.0


class InstallCalico(BaseStep):
    """Apply the manifests group by group; what stands already is applied only once a run."""

    id: ClassVar[StepId] = StepId("build.calico")
    phase: ClassVar[Phase] = Phase.BUILD
    title: ClassVar[str] = "install Calico and its pools on green"
    undo: ClassVar[str] = "delete what was applied, newest first"

    def batches(self, scene: Scene) -> Batches:
        """Apply what this run has not applied yet, with a wait behind each group."""
        green = scene.migration.green
        pools = planned_pools(green.network, green.calico.pools)
        if scene.calico:
            yield from self._install(scene, green)
        ready = wait(
            "calico-ready", "Calico on green", DEADLINE, pools=[pool_json(p) for p in pools], podsRun=False
        )
        yield [ready]

    def _install(self, scene: Scene, green: Green) -> Batches:
        install = plan_install(scene.calico, green.network, green.calico.pools, green.calico.install.kind)
        for group in install.groups:
            _insist_valid(group.objects)
            yield from self._group(scene, group)
        # the operator makes the pools of an Installation itself; by manifest they are ours to write
        if install.kind == "manifest" and not any(kind_of(o) == "IPPool" for o in install.objects):
            yield from self._objects(scene, [ip_pool(pool, CRD_V1) for pool in install.pools])

    def _group(self, scene: Scene, group: Group) -> Batches:
        yield from self._objects(scene, group.objects)
        if group.name == "crds":
            names = [name_of(obj) for obj in group.objects]
            yield [
                wait("crds-established", "Calico's definitions", DEADLINE, side=Side.GREEN.value, names=names)
            ]

    @staticmethod
    def _objects(scene: Scene, objects: Sequence[Object]) -> Batches:
        bodies: dict[ActionKey, Object] = {}
        actions = []
        for obj in objects:
            ref = ref_of(obj)
            action = apply(
                Side.GREEN,
                ref,
                # the manifests may hold Secrets (calico-etcd-secrets), and `export` gives the journal away
                body_hash=keyed_digest(scene.key, obj),
                command=f"kubectl apply --server-side: {ref}",
                source="calico",
            )
            if not scene.progress.stands(action.key):
                bodies[action.key] = obj
                actions.append(action)
        for batch in chunks(actions):
            scene.bodies.offer({a.key: bodies[a.key] for a in batch})
            yield batch


def pool_json(pool: Pool) -> dict[str, Any]:
    """A pool as an Action's parameter."""
    return pool.model_dump(mode="json", by_alias=True)


def _insist_valid(objects: Sequence[Object]) -> None:
    """Refuse what Calico would silently ignore: nobody validates raw writes of its objects."""
    problems = list(_problems(objects))
    if problems:
        raise Stopped(
            "Calico's manifests hold objects that it would ignore: " + "; ".join(problems[:5]),
            remedy="Mend the manifests.",
        )


def _problems(objects: Sequence[Object]) -> Iterator[str]:
    for obj in objects:
        if group_of(obj).endswith("projectcalico.org"):
            for problem in validate(obj):
                yield f"{ref_of(obj)}: {problem}"

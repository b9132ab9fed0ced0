"""How long a world of 31,000 objects takes: `python -m tests.simulation.bench [OBJECTS [PODS]]`; no test, no limit."""

from __future__ import annotations

import resource as usage
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from migrate.doors.cluster import Verb, Write
from migrate.errors import DoorError
from migrate.model.ids import Side
from migrate.simulation import seed
from migrate.simulation.served import resource
from migrate.simulation.world import World
from tests.simulation.builders import big_inventory, create, found, ready, workload


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took, and how much memory the process has had at most."""
    start = time.perf_counter()
    yield
    peak = usage.getrusage(usage.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what:<50} {time.perf_counter() - start:7.1f} s   {peak} MiB")


def main(objects: int = 31000, pods: int = 10000) -> None:
    """Seed blue, create half of it on green, and let the controllers make the pods."""
    with tempfile.TemporaryDirectory() as folder, World.create(Path(folder) / "world.db") as world:
        deployments = objects // 31
        with timed("build the inventory"):
            inventory = big_inventory(objects, deployments)
        with timed(f"seed {len(inventory)} objects"):
            seed.seed(world, Side.BLUE, inventory, name="old")
        del inventory
        with timed("settle blue"):
            world.settle()
        with timed("make green with 100 nodes"):
            seed.empty(
                world,
                Side.GREEN,
                pod_cidr="10.48.0.0/14",
                service_cidr="10.112.0.0/16",
                nodes=100,
                name="new",
            )
            agent: dict[str, Any] = {"hostNetwork": True, "tolerations": [{"operator": "Exists"}]}
            create(world.cluster(Side.GREEN), workload("DaemonSet", "kube-flannel", "kube-system", **agent))
            world.settle()
        _replay(world, objects // 2, max(1, pods // deployments))
        with timed("settle green"):
            world.settle()
        running = sum(1 for pod in found(world.cluster(Side.GREEN), "pods") if ready(pod))
        print(f"{running} pods are ready on green; the file has {world.store.path.stat().st_size >> 20} MiB")
        with timed("settle again"):
            world.settle()
        with timed("a week"):
            world.clock().sleep(7 * 86400)


def _replay(world: World, count: int, replicas: int) -> None:
    blue, green = world.cluster(Side.BLUE), world.cluster(Side.GREEN)
    written = 0
    with timed(f"list blue and create {count} objects on green"):
        for plural, group in (("namespaces", ""), ("configmaps", ""), ("secrets", ""), ("deployments", "apps"), ("services", "")):  # fmt: skip
            what = resource(plural, group)
            for page in blue.pages(what):
                writes = []
                for obj in page:
                    share = plural in {"configmaps", "secrets"} and written >= count - 2200
                    if not share:
                        body = {k: v for k, v in obj.items() if k != "status"}
                        body["metadata"] = {k: v for k, v in obj["metadata"].items() if k in {"name", "namespace", "labels"}}  # fmt: skip
                        if plural == "deployments":
                            body["spec"] = {**body["spec"], "replicas": replicas}
                        if plural == "services":
                            body["spec"] = {k: v for k, v in body["spec"].items() if k != "clusterIP"}
                        writes.append(Write(Verb.CREATE, what, obj["metadata"]["name"], obj["metadata"].get("namespace", ""), body))  # fmt: skip
                results = green.write_many(writes)
                written += sum(1 for result in results if not isinstance(result, DoorError))
    print(f"{written} objects were created")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))

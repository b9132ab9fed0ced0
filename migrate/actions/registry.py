"""Which handler does which kind of Action."""

from __future__ import annotations

from collections.abc import Mapping

from migrate.actions.adopt import Adopt, Disown
from migrate.actions.apply import Apply
from migrate.actions.cede import Cede, Reclaim
from migrate.actions.conditions import CONDITIONS
from migrate.actions.contents import sets_of
from migrate.actions.copying import Copy
from migrate.actions.count import Count
from migrate.actions.create import Create
from migrate.actions.delete import Delete
from migrate.actions.directory import Directory
from migrate.actions.engaging import Disengage, Engage
from migrate.actions.evidence import Evidence
from migrate.actions.link import Links, joined, parted
from migrate.actions.patch import Patch
from migrate.actions.provision import Provision, Unprovision
from migrate.actions.ramping import Watch
from migrate.actions.reach import Reach
from migrate.actions.record import Record
from migrate.actions.retain import Retain
from migrate.actions.snapshot import Snapshot
from migrate.actions.status import STATUS, Status
from migrate.actions.traffic import Weight
from migrate.actions.wait import Wait
from migrate.engine.events import Tell
from migrate.engine.lock import SharedLock
from migrate.engine.signals import Stop
from migrate.engine.step import Handler, Scene


def handlers(scene: Scene, lock: SharedLock, stop: Stop, tell: Tell) -> Mapping[str, Handler]:
    """Build the handlers of a run over its doors."""
    doors = scene.doors
    reach = Reach(Directory(doors), scene.bodies, scene.run)
    return {
        "count": Count(reach, doors.clock),
        "create": Create(reach),
        "delete": Delete(reach, doors.clock, stop, lambda: sets_of(scene.progress)),
        "retain": Retain(reach),
        "link": Links(reach, joined),
        "unlink": Links(reach, parted),
        "apply": Apply(reach),
        "adopt": Adopt(reach),
        "disown": Disown(reach),
        "cede": Cede(reach),
        "reclaim": Reclaim(reach),
        "patch": Patch(reach),
        STATUS: Status(reach),
        "record": Record(),
        "evidence": Evidence(scene.bodies, scene.state),
        "wait": Wait(doors, CONDITIONS, tell, stop, lock),
        "watch": Watch(doors, tell, stop, lock),
        "weight": Weight(doors.traffic),
        "provision": Provision(doors.provisioner),
        "unprovision": Unprovision(doors.provisioner),
        "engage": Engage(),
        "disengage": Disengage(doors.mover, scene.run, stop),
        "copy": Copy(doors.mover, scene.run, tell, stop),
        "snapshot": Snapshot(doors.blue, scene.state),
    }

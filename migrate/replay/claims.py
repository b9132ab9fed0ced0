"""The forms of claims and of the volumes behind them: taken over, copied into, brought over, or empty."""

from __future__ import annotations

from migrate.model.objects import Object, dig
from migrate.replay import handover, hold
from migrate.replay.edits import replaced
from migrate.replay.rule import Shape, Subject
from migrate.replay.storage import data_of, volume_moves
from migrate.replay.surroundings import Surroundings


def taken_over(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match a claim that the file wants re-attached, and its volume."""
    blue = surroundings.blue
    return "" if handover.taken_over(subject.obj, blue.inventory, blue.migration) else None


def volume_taken(subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    """Shape a volume that green takes over: made when blue has let go of it."""
    policy = dig(subject.obj, "spec", "persistentVolumeReclaimPolicy", default="Retain")
    kept = "" if policy == "Retain" else f", instead of {policy} on blue,"
    return Shape(
        target,
        hold.deferred(target),
        evidence=f"Retain{kept} on both sides; claimed by {handover.claim_of(target)}",
    )


def claim_taken(subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    """Shape the claim of such a volume: it names it."""
    name = dig(subject.obj, "spec", "volumeName")
    target = replaced(target, ("spec", "volumeName"), name)
    return Shape(target, hold.deferred(target), evidence=f"takes over PersistentVolume {name} with its data")


def claim(subject: Subject, surroundings: Surroundings, target: Object) -> Shape:
    """Shape a claim that gets a volume of green's own, or that of a volume which the operator replays."""
    blue = surroundings.blue
    data = data_of(blue.migration, subject.ref)
    size = dig(subject.obj, "status", "capacity", "storage")
    if volume_moves(blue.migration, blue.inventory, subject.obj):
        name = dig(subject.obj, "spec", "volumeName")
        target = replaced(target, ("spec", "volumeName"), name)
        evidence = f"binds to PersistentVolume {name} once that is replayed; data is not copied"
    elif data is not None and data.as_ == "restored":
        evidence = f"you bring its data to green: {data.reason}"
    elif data is not None and data.as_ == "copy":
        evidence = f"a mover copies its data to green's volume: {data.reason}"
    elif data is not None:
        evidence = f"its volume on green starts empty: {data.reason}"
    else:
        evidence = "data is not copied: green makes an empty volume"
    shown = f"{evidence} ({size} on blue)" if size else evidence
    return Shape(target, evidence=shown)

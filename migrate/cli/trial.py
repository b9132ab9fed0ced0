"""`cnimigrate rehearse --server`: what green's own server would say to each wave, asked by dry runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from migrate.cli import say, tables
from migrate.cli.begun import open_journal
from migrate.cli.looking import decided, looking, scene_of
from migrate.cli.project import Project
from migrate.errors import CheckFailed, Stopped
from migrate.model.action import State
from migrate.model.progress import Progress
from migrate.replay.trial import BAD, ELSEWHERE, Said, Tried
from migrate.replay.waves import WAVES
from migrate.steps.sides import blue_seen
from migrate.steps.trial import tried


def on_server(project: Project, output: str) -> None:
    """Try every wave on the real green and tell its answers; raises CheckFailed (30) where it would refuse something."""
    name, found = _look(project)
    if output == "text":
        for line in lines(name, found):
            say.line(line)
    else:
        say.document(document(name, found), output)
    counts = Counter(one.said for one in found)
    if not counts.keys() & BAD:
        return
    wrong = [
        f"{tables.counted(counts[Said.UNDECIDED], 'object')} to decide" if counts[Said.UNDECIDED] else "",
        f"{tables.counted(counts[Said.REFUSED], 'object')} that green would refuse"
        if counts[Said.REFUSED]
        else "",
    ]
    message = f"a run would stop at {' and '.join(filter(None, wrong))}. Nothing was written."
    raise CheckFailed(message, remedy="Mend them on blue or green, or say in the file what becomes of them.")


def document(green: str, found: Sequence[Tried]) -> dict[str, Any]:
    """Every answer as one JSON document."""
    counts = Counter(one.said for one in found)
    return {
        "green": green,
        "counts": {said.value: counts[said] for said in Said},
        "objects": [one.as_json() for one in found],
    }


def lines(green: str, found: Sequence[Tried]) -> Iterator[str]:
    """A line a wave; below it each refusal with its path, and what cannot be checked yet by its reason."""
    width = tables.width()
    yield f"green ({green}): each object tried on its server by a dry run"
    for one in found:
        if one.said is Said.UNDECIDED:
            yield from tables.hanging("undecided  ", f"{one.ref}: {one.words}", width)
    for wave in WAVES:
        mine = [one for one in found if one.wave == wave.number]
        if not mine:
            continue
        yield f"wave {wave.number}  {wave.title}: {_counted(mine)}"
        for one in mine:
            if one.said is Said.REFUSED:
                yield from tables.hanging("  refused  ", f"{one.ref}: {one.words}, at {one.path}", width)
            elif one.said is Said.STANDS and one.words:
                yield from tables.hanging("  stands   ", one.words, width)
        reasons = Counter((one.ref.kind, one.words) for one in mine if one.said is Said.LATER)
        for (kind, words), count in sorted(reasons.items()):
            yield from tables.hanging("  later    ", f"{count} {kind}: cannot be checked yet: {words}", width)
    borrowed = sum(one.words == ELSEWHERE for one in found)
    if borrowed:
        told = "quotas, Pod Security and policies of their own namespace are not checked yet"
        yield from tables.hanging(
            "", f"{borrowed} {ELSEWHERE.replace('its own does', 'their own do')}: {told}", width
        )
    told = "what is made at the cutover, the pods that workloads make, and what starts or is released"
    yield from tables.hanging("", f"not tried: {told}. Nothing was written.", width)


def _counted(found: Sequence[Tried]) -> str:
    words = {
        Said.TAKEN: "would be taken",
        Said.STANDS: "stand already",
        Said.REFUSED: "would be refused",
        Said.LATER: "cannot be checked yet",
    }
    counts = Counter(one.said for one in found)
    return ", ".join(f"{counts[said]} {told}" for said, told in words.items() if counts[said])


def _look(project: Project) -> tuple[str, list[Tried]]:
    with looking(project) as doors:
        seen = doors.doors.provisioner.observe()
        if seen.state is not State.DONE:
            message = f"green does not exist yet: {seen.evidence or seen.state}"
            remedy = "cnimigrate run --until build makes it; cnimigrate rehearse alone needs no green."
            raise Stopped(message, remedy=remedy)
        progress, key = Progress(), b""
        if project.journal.exists():
            journal, progress = open_journal(project, doors.doors.clock)
            key = journal.key  # so that what stands can be told by its hash
            journal.close()
        scene = scene_of(project, doors, progress, run=progress.run, key=key)
        blue, decisions = decided(scene, blue_seen(doors.doors).inventory)
        return doors.doors.green.name, list(tried(scene, blue, decisions))

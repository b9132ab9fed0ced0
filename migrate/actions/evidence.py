"""Evidence in files: what a step has found, whole, for those who decide on it and for the record of the change."""

from __future__ import annotations

import json
from pathlib import Path

from migrate.actions.record import Looking
from migrate.engine.bodies import Bodies
from migrate.files import replace
from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.ids import ActionKey

FOLDER = "evidence"


def evidence(name: str, said: str) -> Action:
    """Write the document that the step has offered under the Action's key; `said` sums it up.

    The document may name objects and paths, and must hold no value of an object: it may be a Secret's.
    """
    return Action("evidence", ActionKey(f"evidence {name}"), {"name": name, "said": said})


def place_of(state: Path, action: Action) -> Path:
    """The file that an Action writes, in the state directory of its move."""
    return state / FOLDER / f"{action.params['name']}.json"


class Evidence(Looking):
    """Write documents of mode 0600, each in the place of its predecessor as a whole; no cluster is touched."""

    def __init__(self, bodies: Bodies, state: Path) -> None:
        self._bodies = bodies
        self._state = state

    def look(self, action: Action) -> Outcome:
        """Write one; a disk that is full fails it."""
        document = self._bodies.take(action.key)
        if document is None:
            return Outcome(OutcomeState.FAILED, f"{action.key}: its step has offered nothing to write")
        path = place_of(self._state, action)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace(path, json.dumps(document, indent=1) + "\n", mode=0o600)
        except OSError as error:
            said = f"{path} cannot be written: {error.strerror or error}"
            return Outcome(
                OutcomeState.FAILED, said, "Make room or mend the disk, then run the same command."
            )
        return Outcome(OutcomeState.DONE, f"{action.params['said']}: {FOLDER}/{path.name}")

"""Every way in which cnimigrate stops, with its exit code and its remedy.

CnimigrateError
├── UsageError                     2   the command or the migration file is wrong; no cluster was read
│   ├── MigrationFileError         2   all problems of a migration file at once
│   └── RecordingError             2   all problems of a recorded cluster at once
├── NothingToMigrate              11   blue already runs Calico
├── NoRoute                       12   no way from this CNI
├── GateClosed                    20   a gate wants an approval
├── Stopped                       30   a finding, a check or a refusal; no act is half done
│   ├── ClusterUnreachable        30   before the first act
│   ├── CredentialsRefused        30
│   ├── StateNotWritable          30
│   ├── CheckFailed               30   carries the verdicts
│   └── TrafficReturned           30   a ramp went back to its last good weight
├── FailedUndone                  31   failed, and what had been done was undone
├── FailedMidway                  32   failed, not undone
├── OutcomeUnknown                33   an act's outcome cannot be known
│   └── ForeignObject             33   something that is not ours stands in the way
├── LockHeld                      40   another runner holds the migration
├── Fenced                        41   another runner took the migration over
├── PlanMismatch                  50   Plan and journal disagree
├── JournalDamaged                51   the journal does not add up
└── StoppedAtBorder              130   a signal; stopped where it is safe

DoorError                              what a door reports; a handler or the runner turns it into one above
├── Transient                          nothing happened, or the call may be repeated
├── Unreachable                        the other end did not answer in time; an act's outcome is in doubt
└── Refused                            the other end said no, with its status and its words
    ├── Unauthorized, Forbidden, NotFound, AlreadyExists, Conflict, Invalid
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class CnimigrateError(Exception):
    """Stop the command with a sentence for the operator, a remedy and an exit code."""

    exit_code: ClassVar[int] = 32

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(CnimigrateError):
    """Refuse what was typed; nothing was read from a cluster."""

    exit_code = 2


class MigrationFileError(UsageError):
    """Refuse a migration file with every problem it has; `problems` are ready to print, one a line."""

    def __init__(self, problems: Sequence[str]) -> None:
        count = len(problems)
        super().__init__(f"{count} error{'s' if count != 1 else ''}. Nothing was read from any cluster.")
        self.problems = tuple(problems)


class RecordingError(UsageError):
    """Refuse a recorded cluster with the problems that it has, ready to print; `more` says that there are others."""

    def __init__(self, source: str, problems: Sequence[str], *, more: bool = False) -> None:
        count = f"more than {len(problems)}" if more else str(len(problems))
        errors = "error" if problems and len(problems) == 1 and not more else "errors"
        super().__init__(
            f"{source} is no recorded cluster: {count} {errors}.",
            remedy="Name a YAML or JSON file of recorded objects, a directory of them, or a snapshot.",
        )
        self.problems = tuple(problems)


class NothingToMigrate(CnimigrateError):
    """Say that blue already runs Calico."""

    exit_code = 11


class NoRoute(CnimigrateError):
    """Say that blue's CNI was recognised, or not, and that no route leads from it."""

    exit_code = 12


class GateClosed(CnimigrateError):
    """Stop at a gate until it is approved; `gate` is its id, `batch/name`."""

    exit_code = 20

    def __init__(self, message: str, *, gate: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.gate = gate


class Stopped(CnimigrateError):
    """Stop where no act is half done; `run` goes on once the cause is mended."""

    exit_code = 30


class ClusterUnreachable(Stopped):
    """Say that a cluster did not answer before anything was begun."""


class CredentialsRefused(Stopped):
    """Say that a cluster refused the credentials of the kubeconfig."""


class StateNotWritable(Stopped):
    """Say that the state directory cannot be used."""


class CheckFailed(Stopped):
    """Stop because a check failed, or could not be decided."""


class TrafficReturned(Stopped):
    """Say that a ramp went back to its last good weight by itself."""


class FailedUndone(CnimigrateError):
    """Say that the run failed and that what it had done was undone."""

    exit_code = 31


class FailedMidway(CnimigrateError):
    """Say that the run failed in the middle and nothing was undone."""

    exit_code = 32


class OutcomeUnknown(CnimigrateError):
    """Say that an act's outcome cannot be known without a person."""

    exit_code = 33


class ForeignObject(OutcomeUnknown):
    """Say that something that this run did not make stands in its way."""


class LockHeld(CnimigrateError):
    """Say who holds the migration, since when and from where."""

    exit_code = 40


class Fenced(CnimigrateError):
    """Say that another runner took the migration over; this one must not act any more."""

    exit_code = 41


class PlanMismatch(CnimigrateError):
    """Say that the journal belongs to another migration, cluster, step list or contract version."""

    exit_code = 50


class JournalDamaged(CnimigrateError):
    """Say that the journal does not add up, and where."""

    exit_code = 51


class StoppedAtBorder(CnimigrateError):
    """Say that a signal stopped the run at a safe border."""

    exit_code = 130


class DoorError(Exception):
    """Report what a door could not do; never carries credentials or a Secret's value."""


class Transient(DoorError):
    """Report a failure after which nothing had happened, so that the call may be repeated.

    `of_the_object` where it came of what was sent, as with a webhook that cannot be asked about it, so that another
    object may fare better.
    """

    of_the_object: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(DoorError):
    """Report that no answer came in time; whether a write took effect is not known."""


class Refused(DoorError):
    """Report the other end's refusal with its HTTP status (0 where there is none), reason, fields and words.

    `fields` are the paths that the causes of a Status name; they hold no value, not even a Secret's.
    """

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", fields: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.fields = tuple(fields)


class Unauthorized(Refused):
    """Report credentials that are not accepted (401)."""


class Forbidden(Refused):
    """Report a missing right (403)."""


class NotFound(Refused):
    """Report a missing object or resource (404)."""


class AlreadyExists(Refused):
    """Report that a create met an object of that name (409, AlreadyExists)."""


class Conflict(Refused):
    """Report a failed precondition or a field owned by another manager (409, Conflict)."""


class Invalid(Refused):
    """Report an object that the server, or a webhook, does not accept (400, 403 by admission, 422)."""

"""What a run of pytest did with the tests that need the lab, read from its JUnit file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

PROPERTY = "lab"  # fixtures.py writes it on each test marked lab


@dataclass(frozen=True)
class Outcomes:
    """Count test cases by outcome, and those of the lab that ran among them."""

    passed: int
    failed: int
    skipped: int
    lab_ran: int


def read(junit: Path) -> Outcomes:
    """Count the cases of a JUnit file; an error in a fixture counts as failed."""
    cases = list(ET.parse(junit).iter("testcase"))
    skipped = [case for case in cases if case.find("skipped") is not None]
    failed = [case for case in cases if _failed(case)]
    ran = [case for case in cases if case not in skipped]
    return Outcomes(
        passed=len(ran) - len([case for case in failed if case in ran]),
        failed=len(failed),
        skipped=len(skipped),
        lab_ran=len([case for case in ran if _of_lab(case)]),
    )


def _failed(case: ET.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def _of_lab(case: ET.Element) -> bool:
    return any(each.get("name") == PROPERTY for each in case.iterfind("properties/property"))

"""The sheet for the day without the tool: what is typed puts everything back, in an order that is safe."""

from __future__ import annotations

from typing import Any

from migrate.planning.haproxy_weights import percent


def _weights(lines: list[str]) -> dict[str, int]:
    words = [line.split("'")[1].split() for line in lines]
    return {each[2].partition("/")[2]: int(each[4]) for each in words}


def test_the_lines_leave_all_traffic_on_blue(whole: dict[str, Any]) -> None:
    """Every server is set, and what is set reads as 0 percent on green."""
    (route,) = whole["sheet"]["routes"]
    weights = _weights(route["back"])
    assert set(weights) == {"blue1", "blue2", "green1", "green2"}
    assert percent(weights, ["green1", "green2"]) == 0
    assert all(weights[name] for name in ("blue1", "blue2"))


def test_blue_gets_weight_before_green_loses_it(whole: dict[str, Any]) -> None:
    """At no line of the sheet is there no server with weight, whichever side served before."""
    names = list(_weights(whole["sheet"]["routes"][0]["back"]))
    assert names.index("blue2") < names.index("green1")


def test_what_runs_once_is_off_on_green_before_it_is_on_on_blue(whole: dict[str, Any]) -> None:
    """Off on green, seen to be gone, then on on blue with the replicas that it had; nothing is started twice."""
    lines = whole["sheet"]["workloads"]
    sides = ["green.yaml" if "green.yaml" in line else "blue.yaml" for line in lines]
    assert sides == sorted(sides, reverse=True)  # green's lines all come first
    off = next(i for i, line in enumerate(lines) if "patch deployment.apps worker" in line)
    gone = next(i for i, line in enumerate(lines) if "until it prints nothing" in line)
    on = max(i for i, line in enumerate(lines) if "patch deployment.apps worker" in line)
    assert off < gone < on
    assert lines[off].endswith("""-p '{"spec": {"replicas": 0}}'""")
    off_the_note = '"metadata": {"annotations": {"cnimigrate.io/prior": null}}'
    back, copies = lines[on].splitlines()
    assert back.endswith(f"""-p '{{{off_the_note}, "spec": {{"replicas": 1}}}}'""")
    assert " annotate replicaset.apps " in copies
    assert any("delete cronjob.batch nightly -n web" in line for line in lines)


def test_the_sheet_needs_no_tool(texts: dict[str, str]) -> None:
    """No line that is to be typed calls cnimigrate."""
    blocks = texts["without-the-tool.md"].split("```")[1::2]
    assert len(blocks) >= 5
    assert not any("cnimigrate " in block for block in blocks)

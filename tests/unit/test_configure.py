# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary of a fleet that was configured."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.filter.configure_summary import SHOWN, configure_summary

ENGINE = {"pid": 7, "live_restore": False, "containers_running": 3}
SAME = {"engine": ENGINE, "changed": False, "reloaded": False, "pending": "none", "diff": []}
FILE, IN_FORCE = {"before_header": "/etc/docker/daemon.json"}, {"before_header": "engine"}
RELOADED = {**SAME, "changed": True, "reloaded": True}
RESTART = {**SAME, "pending": "restart"}


def host(*results, name="a", pid=7, failure=""):
    return {"host": name, "results": list(results), "pid": pid, "failure": failure}


HOSTS = {
    # name: (host, its outcome, reloads, restarts, containers stopped)
    "nothing to do": (host({}, SAME, {"skipped": True}), "unchanged", 0, 0, 0),
    "written and reloaded": (host({}, {**RELOADED, "diff": [FILE, IN_FORCE]}), "changed", 1, 0, 0),
    "written for a stopped engine": (host({**SAME, "changed": True, "diff": [FILE]}), "changed", 0, 0, 0),
    "both tasks": (host({**RELOADED, "diff": [FILE]}, {**RELOADED, "diff": [FILE]}), "changed", 2, 0, 0),
    "a lost reload": (host({**RELOADED, "diff": [IN_FORCE]}), "healed", 1, 0, 0),
    "a lost restart": (host(RESTART, pid=8), "healed", 0, 1, 3),
    "written and restarted": (host({**RESTART, "changed": True, "diff": [FILE]}, pid=8), "changed", 0, 1, 3),
    "restarted for the second task": (
        host(SAME, {**RESTART, "changed": True, "diff": [FILE]}, pid=8),
        "changed",
        0,
        1,
        3,
    ),
    "with live-restore": (host({**RESTART, "engine": {**ENGINE, "live_restore": True}}, pid=8), "healed", 0, 1, 0),
    "without containers": (
        host({**RESTART, "engine": {**ENGINE, "containers_running": None}}, pid=8),
        "healed",
        0,
        1,
        0,
    ),
    "refused": (host({"failed": True, "msg": "no"}, failure="no"), "refused", 0, 0, 0),
    "put back by another start": (
        host({**RESTART, "changed": True, "diff": [FILE]}, pid=9, failure="no"),
        "refused",
        0,
        1,
        3,
    ),
    "not restarted": (host({**RESTART, "changed": True, "diff": [FILE]}, pid=7, failure="no"), "refused", 0, 0, 0),
    # Before 2.19, ansible-core turns numbers in facts into text, and the texts "no" and "false" into a boolean.
    "not restarted, with the pid as text": (host(RESTART, pid="7"), "healed", 0, 0, 0),
    "refused with the message no": (host({"failed": True, "msg": "no"}, failure=False), "refused", 0, 0, 0),
    "not reached": (host({"unreachable": True, "msg": "no route"}), "unreachable", 0, 0, 0),
    "unreachable after the first task": (
        host({**RELOADED, "diff": [FILE]}, {"unreachable": True, "msg": "no route"}, failure="x"),
        "unreachable",
        1,
        0,
        0,
    ),
}


@pytest.mark.parametrize(("result", "outcome", "reloads", "restarts", "stopped"), HOSTS.values(), ids=HOSTS)
def test_the_outcome_of_a_host(result, outcome, reloads, restarts, stopped):
    summary = configure_summary([result], ["a"])
    assert {name: names for name, names in summary["outcomes"].items() if names} == {outcome: ["a"]}
    assert (summary["reloads"], summary["restarts"], summary["containers_stopped"]) == (reloads, restarts, stopped)
    assert summary["left"] == (["a"] if outcome in ("refused", "unreachable") else [])


MALFORMED = {
    "no engine": {"engine": {}},
    "an engine that is a text": {"engine": "x"},
    "a pid without end": {"engine": {**ENGINE, "pid": 10**5000}},
    "reloaded as a text": {"reloaded": "yes"},
    "a diff that is a number": {"diff": 3},
    "an entry of a diff that is a text": {"diff": ["x"]},
    "another pending": {"pending": ["restart"]},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_result_is_a_failure_of_its_host_alone(changes):
    bad = host({key: value for key, value in {**RESTART, **changes}.items() if value != {}}, name="bad")
    summary = configure_summary([bad, host(SAME, name="good")], ["bad", "good"])
    assert {name: names for name, names in summary["outcomes"].items() if names} == {
        "refused": ["bad"],
        "unchanged": ["good"],
    }
    (line,) = [line for line in summary["lines"] if line.startswith("refused: ")]
    assert line.startswith("refused: bad: a change returned a malformed result, see its ")


@pytest.mark.parametrize("diff", [3, ["x"], [{}]], ids=str)
def test_only_the_diff_of_a_change_is_read(diff):
    """A compromised host can return one from any module."""
    bad = host({"changed": True, "diff": diff}, SAME, name="bad")
    assert configure_summary([bad, host(SAME, name="good")], ["bad", "good"])["outcomes"]["unchanged"] == [
        "bad",
        "good",
    ]


def test_a_result_that_is_a_text():
    assert configure_summary([host("x")], ["a"])["outcomes"]["unchanged"] == ["a"]


def test_messages_are_printable():
    summary = configure_summary([host({"failed": True, "msg": "x"}, failure="a\x1b[2Jb\nfatal: token=hush")], ["a"])
    assert "refused: a: a\\x1b[2Jb fatal: token=***" in summary["lines"]


def test_check_mode_counts_no_restarts():
    summary = configure_summary([host({**RESTART, "changed": True, "diff": [FILE]}, pid=None)], ["a"], check=True)
    assert (summary["restarts"], summary["containers_stopped"]) == (0, 0)
    assert summary["lines"] == [
        "Check mode, nothing was done. It would be: "
        "changed 1, healed 0, unchanged 0, refused 0, unreachable 0, waiting 0; "
        "reloads 0, restarts 0, containers stopped 0."
    ]


def test_the_hosts_that_are_left():
    results = [
        host(SAME, name="done"),
        host(failure="of itself", name="refused"),
        host({"unreachable": True}, name="gone"),
    ]
    summary = configure_summary(
        results, ["done", "refused", "gone", "next"], left_before=["other", "gone", "done", "next"], waves=[3]
    )
    assert summary["left"] == ["refused", "gone", "next", "other"]
    assert summary["outcomes"]["waiting"] == ["next"]
    assert summary["lines"][1:] == [
        "refused: refused: of itself",
        "unreachable: gone: no reason is known",
        "The run stops here: 2 of 3 hosts of this wave failed.",
    ]


def test_a_message_is_one_line_and_a_terminal_is_not_flooded():
    results = [host({}, name=f"h{number}", failure="a\n  b") for number in range(SHOWN + 2)]
    lines = configure_summary(results, [])["lines"]
    assert lines[1] == "refused: h0: a b" and len(lines) == 1 + SHOWN + 1 and lines[-1] == "refused: and 2 more"
    assert configure_summary(results[:SHOWN], [])["lines"][-1] == f"refused: h{SHOWN - 1}: a b"


def test_a_message_is_not_longer_than_one_of_a_module():
    results = [host({}, name="h0", failure="word " * 10_000)]
    assert 9_000 < len(configure_summary(results, [])["lines"][1]) < 11_000


FAILED = {"failed": True, "changed": False, "msg": "no"}
BEFORE_FAILURE = {
    # name: (results, whether the host changed before the failure)
    "the settings failed after the mirrors changed": ([{}, {**RELOADED, "diff": [FILE]}, FAILED], True),
    "the settings failed, the mirrors were unchanged": ([{}, SAME, FAILED], False),
    "the mirrors failed": ([{}, FAILED, {}], False),
    "the mirrors failed and could not be put back": ([{}, {**FAILED, "changed": True}, {}], True),
    "the restart failed, and all was put back": ([{}, {**RESTART, "changed": True, "diff": [FILE]}, {}], False),
}


@pytest.mark.parametrize(("results", "changed"), BEFORE_FAILURE.values(), ids=BEFORE_FAILURE)
def test_hosts_that_changed_before_they_failed_are_named(results, changed):
    summary = configure_summary([host(*results, failure="no")], ["a"])
    assert summary["outcomes"]["refused"] == ["a"] and summary["changed_before_failure"] == (["a"] if changed else [])
    assert summary["lines"][2:] == (["1 of the refused hosts changed before the failure: a."] if changed else [])
    assert configure_summary([host(*results, failure="no")], ["a"], check=True)["changed_before_failure"] == []


def test_a_terminal_is_not_flooded_with_hosts_that_changed():
    results = [host(RELOADED, FAILED, name=f"h{number}", failure="no") for number in range(SHOWN + 1)]
    assert configure_summary(results, [])["lines"][-1].endswith(f"h{SHOWN - 1}, and 1 more.")
    assert configure_summary(results[:SHOWN], [])["lines"][-1].endswith(f"h{SHOWN - 1}.")


# -- waves -----------------------------------------------------------------------------------------------------------

WAVES = {
    # name: (sizes, hosts, reached, allowed percentage, failed hosts, number, total, whether the run ends)
    "the first of three": ([1, "10%", "100%"], 20, 1, 0, 0, 1, 3, False),
    "the second of three": ([1, "10%", "100%"], 20, 3, 0, 0, 2, 3, False),
    "the last of three": ([1, "10%", "100%"], 20, 20, 0, 0, 3, 3, True),
    "sizes as text": (["1", "10%", "100%"], 20, 3, "0", 0, 2, 3, False),
    "one wave": (["100%"], 20, 20, 0, 0, 1, 1, True),
    "one host": ([1, "10%", "100%"], 1, 1, 0, 0, 1, 1, True),
    "two hosts": ([1, "10%", "100%"], 2, 1, 0, 0, 1, 2, False),
    "a size that repeats": ([2], 5, 4, 0, 0, 2, 3, False),
    "all others": ([1, 0], 5, 5, 0, 0, 2, 2, True),
    "a failure": ([2], 6, 2, 0, 1, 1, 3, True),
    "an allowed failure": ([2], 6, 2, 50, 1, 1, 3, False),
    "an allowed failure, as text": ([2], 6, 2, "50%", 1, 1, 3, False),
    "too many failures": ([2], 6, 2, 49, 1, 1, 3, True),
    "a failure in an earlier wave": ([2], 6, 4, 50, 1, 2, 3, False),
    "all of a wave failed": ([1], 3, 1, 100, 1, 1, 3, True),
}


@pytest.mark.parametrize(
    ("sizes", "count", "reached", "allowed", "failed", "number", "total", "ends"), WAVES.values(), ids=WAVES
)
def test_the_number_of_the_wave_and_whether_the_run_ends(sizes, count, reached, allowed, failed, number, total, ends):
    names = [f"h{place}" for place in range(count)]
    results = [host(SAME, name=name, failure="no" if place < failed else "") for place, name in enumerate(names)]
    summary = configure_summary(results[:reached], names, waves=sizes, max_fail_percentage=allowed)
    assert (summary["wave"], summary["is_last"]) == (number, ends)
    head = f"after wave {number} of {total}: " if total > 1 else ""
    assert summary["lines"][0].startswith(f"{head}changed 0, healed 0, unchanged {reached - failed}, ")
    assert summary["lines"][-1].startswith("The run stops here: ") is (ends and reached < count)


def test_hosts_without_a_running_engine_are_told_apart():
    states = {"runs": "running", "off": "stopped", "bare": "absent", "left-out": "absent", "bad": "stopped"}
    results = [
        {**host(*([SAME] if name != "left-out" else []), name=name), "state": state} for name, state in states.items()
    ]
    results[-1]["failure"] = "no"
    summary = configure_summary(results, list(states))
    assert (summary["stopped"], summary["without_docker"], summary["skipped"]) == (["off"], ["bare"], ["left-out"])
    assert [line.split(".")[0] for line in summary["lines"][2:]] == [
        "stopped: 1 (off)",
        "without docker: 1 (bare)",
        "skipped: 1 (left-out)",
    ]

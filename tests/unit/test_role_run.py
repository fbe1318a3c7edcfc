# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of the role asks on the hosts, and what it shows. Stubs replace the modules."""

from __future__ import annotations

import re

import pytest

from ansible_collections.pullthrough.docker.tests.unit.role_fleet import (
    ABSENT,
    ADDED,
    BREAKING,
    DEAD,
    GCR,
    OWN,
    SAME,
    STOPPED,
    USABLE,
    Fleet,
    role,
)

DECLARE, PREDICT, CHECK = "registry_mirrors", "registry_mirrors in check mode", "registry_mirrors_health_info"
REFUSED = {
    "failed": True,
    "changed": False,
    "msg": "Mirrors are elsewhere. Nothing was changed. Set migrate: true to move them.",
}


@pytest.fixture
def fleet(tmp_path):
    """Hosts in each state. Any mirror is unusable on the host dead."""
    results = {
        "same": {DECLARE: SAME, CHECK: USABLE},
        "added": {DECLARE: ADDED, CHECK: USABLE},
        "dead": {DECLARE: ADDED, CHECK: DEAD},
        "stopped": {DECLARE: STOPPED, CHECK: USABLE},
        "bare": {DECLARE: ABSENT, CHECK: USABLE},
        "refused": {DECLARE: REFUSED, CHECK: USABLE},
    }
    return Fleet(tmp_path, results)


def test_one_line_for_each_host_where_something_changed_or_is_not_as_declared(fleet):
    code, counts, out = fleet.run(role(urls="https://mirror.gcr.io"))
    assert code == 2, out
    for host in ("added", "dead"):
        assert f'"{host}: in force {GCR} (was: none); reloaded, nothing restarted; engine 26.1.5"' in out, out
    assert '"stopped: nothing in force, as Docker is stopped; configured' in out
    assert '"bare: nothing in force, as Docker is not installed; configured' in out
    # The role's own validation and the declaration: one remote task.
    assert counts["same"]["ok"] == 2 and '"same: ' not in out, out
    assert {host: fleet.calls(host) for host in counts} == {
        "same": [DECLARE],
        "added": [DECLARE, CHECK],
        "dead": [DECLARE, CHECK],
        "stopped": [DECLARE],
        "bare": [DECLARE, CHECK],
        "refused": [DECLARE],
    }
    assert counts["refused"]["failed"] == 1 and counts["refused"]["changed"] == 0
    (failed,) = [line for line in out.splitlines() if line.startswith("fatal: [refused]") and "docker_mirror_" in line]
    assert "Set docker_mirror_migrate: true to move them." in failed


def test_a_usable_mirror_is_required_before_a_change_and_only_then(fleet):
    _code, counts, out = fleet.run(role(health="require"), "--limit", "same,added,dead")
    assert {host: fleet.calls(host) for host in counts} == {
        "same": [PREDICT, DECLARE],
        "added": [PREDICT, CHECK, DECLARE],
        "dead": [PREDICT, CHECK],
    }
    assert [counts[host]["changed"] for host in ("same", "added", "dead")] == [0, 1, 0], out
    assert "No mirror is usable from this host: no connection." in out


def test_a_mirror_that_breaks_pulls_stops_the_role_although_another_is_usable(tmp_path):
    fleet = Fleet(tmp_path, {"one": {DECLARE: ADDED, CHECK: BREAKING}})
    _code, counts, out = fleet.run(role(health="require"))
    assert fleet.calls("one") == [PREDICT, CHECK] and counts["one"]["failed"] == 1, out
    assert f"{OWN} would break pulls on this host: a page. Nothing was changed." in out, out


@pytest.mark.parametrize("variables", [{"health": "skip"}, {"state": "absent"}, {"urls": [], "exclusive": True}])
def test_no_mirror_is_checked(fleet, variables):
    _code, _counts, out = fleet.run(role(**variables), "--limit", "added")
    assert fleet.calls("added") == [DECLARE], out


def test_a_mirror_that_stays_in_front_is_named_with_the_way_to_remove_it(tmp_path):
    both = {**ADDED, "mirrors": [OWN, GCR], "in_force": [OWN, GCR]}
    out = Fleet(tmp_path, {"one": {DECLARE: both, CHECK: USABLE}}).run(role())[2]
    assert f"not in docker_mirror_urls: {OWN}" in out and "set docker_mirror_exclusive: true" in out, out


def test_absent_that_removes_nothing_says_what_is_in_force(tmp_path):
    own = {**SAME, "mirrors": [OWN], "previous_mirrors": [OWN], "in_force": [OWN]}
    fleet = Fleet(tmp_path, {"one": {DECLARE: own}})
    out = fleet.run(role(state="absent"))[2]
    assert f"one: nothing was removed: no mirror in use is in docker_mirror_urls ({GCR})." in out, out
    assert fleet.calls("one") == [DECLARE]


def test_check_mode_says_what_would_be(fleet):
    out = fleet.run(role(), "--check", "--limit", "added")[2]
    assert "added: check mode: in force" in out and "would reload; engine 26.1.5" in out, out


MISSPELT = {
    # name: (variables, what the role says)
    "the singular": ({"docker_mirror_url": OWN}, "no variable docker_mirror_url; did you mean docker_mirror_urls"),
    "a name of another": ({"docker_mirror_zone": "x"}, "no variable docker_mirror_zone. Names that begin with"),
}


@pytest.mark.parametrize(("variables", "words"), MISSPELT.values(), ids=MISSPELT)
def test_a_misspelt_variable_is_refused_before_anything_else(fleet, variables, words):
    code, counts, out = fleet.run(role(health="require"), **variables)
    assert code == 2 and all(count["failed"] == 1 for count in counts.values()), out
    assert all(re.search(f"fatal: .{host}.: .*{words}", out) for host in counts), out
    assert not any(fleet.calls(host) for host in counts)


def test_under_any_errors_fatal_the_other_hosts_end_too(fleet):
    (play,) = role()
    code, _counts, out = fleet.run([{**play, "any_errors_fatal": True}], "--limit", "same,refused")
    assert code == 2 and "Set docker_mirror_migrate: true" in out and "is undefined" not in out, out


def test_settings_that_are_refused_after_the_mirrors_changed(tmp_path):
    """The message says once what is in force, without the line about the host."""
    refused = {"failed": True, "changed": False, "msg": "no such key. Nothing was changed."}
    fleet = Fleet(tmp_path, {"web": {"registry_mirrors": ADDED, "daemon_config": refused}})
    code, _counts, out = fleet.run(role(daemon_settings={"debug": True}))
    mirrors = f"The registry mirrors changed and stay changed (in force: {GCR}), "
    settings = "but docker_mirror_daemon_settings failed: no such key. None of these settings was changed."
    assert code == 2 and f'"msg": "{mirrors}{settings}"' in out, out

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook audit on hosts of mixed state, with some and with all of them out of reach: it changes nothing and starts nothing."""

from __future__ import annotations

import json

import pytest

import conftest

from conftest import GCR, HOSTS, Host, run_playbook

OLD, DRIFTED, STOPPED, BARE = HOSTS


@pytest.fixture
def fleet(lab):
    """An old engine, one that has lost its mirror, a stopped one, and one without mirrors."""
    hosts = {name: Host(lab, name) for name in HOSTS}
    conftest.modules([hosts[OLD], hosts[DRIFTED]], mirrors=[GCR], exclusive=True)
    conftest.modules([hosts[BARE]], mirrors=[], exclusive=True)
    kept = hosts[DRIFTED].daemon_json()
    hosts[DRIFTED].write_daemon_json(b'{"registry-mirrors": []}')
    with conftest.stopped(hosts[STOPPED]):
        before = {name: host.state() for name, host in hosts.items()}
        yield hosts
        assert {name: host.state() for name, host in hosts.items()} == before, "no file is written, and no engine started or restarted"
    hosts[DRIFTED].write_daemon_json(kept)
    conftest.modules([hosts[OLD], hosts[DRIFTED]], mirrors=[GCR], state="absent")


def audit(folder, *arguments):
    """Run it: the report, and what the terminal said."""
    code, _counts, out = run_playbook("pullthrough.docker.audit", "-e", f"docker_mirror_audit_folder={folder}", *arguments)
    assert code == 0, out
    page = (folder / "report.html").read_text()
    report = json.loads((folder / "report.json").read_text())
    assert all(f">{host['name']}</th>" in page for host in report["hosts"]) and page.endswith("</html>\n")
    assert f"{report['summary']['covered']} of {report['summary']['hosts']} hosts are covered: " in out
    return report


def test_a_fleet_in_many_states(fleet, gone, tmp_path, prove):
    report = audit(tmp_path / "out", "-i", gone, "--limit", "engines:lost")
    kinds = {host["name"]: [finding["kind"] for finding in host["findings"]] for host in report["hosts"]}
    assert kinds == {
        # The certificates of the lab are for some days.
        OLD: ["certificate_ends", "old_engine"],
        DRIFTED: ["drift", "certificate_ends"],
        STOPPED: ["engine_stopped"],
        BARE: ["mirror_unused"],
        "gone": ["unreachable"],
    }
    hosts = {host["name"]: host for host in report["hosts"]}
    assert {name: host["covered"] for name, host in hosts.items()} == {OLD: True, DRIFTED: True, STOPPED: False, BARE: False, "gone": False}
    assert report["summary"]["covered"] == 2
    (mirror,) = [mirror for mirror in report["mirrors"] if mirror["url"] == GCR]
    assert (mirror["hosts"], mirror["usable"], mirror["unusable"]) == (2, 2, 0) and mirror["latency_ms"]["median"] > 0
    assert hosts[DRIFTED]["last_change"] and hosts[DRIFTED]["configured"] == [] and hosts[DRIFTED]["in_force"] == [GCR]
    for name, host in hosts.items():
        prove(name, "audited", {finding["kind"]: finding["message"] for finding in host["findings"]})


def test_one_host_alone_in_check_mode(fleet, tmp_path):
    report = audit(tmp_path / "out", "--limit", OLD, "--check")
    assert [host["name"] for host in report["hosts"]] == [OLD] and report["summary"]["covered"] == 1


def test_all_of_them_out_of_reach(gone, tmp_path):
    report = audit(tmp_path / "out", "-i", gone, "--limit", "lost")
    assert report["summary"] == {
        "hosts": 1,
        "covered": 0,
        "unknown": 1,
        "will_not_start": 0,
        "states": {"unreachable": 1},
        "findings": {"unreachable": 1},
    }

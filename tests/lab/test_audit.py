# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook audit on hosts in different states, some or all of them unreachable. It changes and starts nothing."""

from __future__ import annotations

import json

import pytest

import conftest

from conftest import GCR, HOSTS, Host, run_playbook

OLD, DRIFTED, STOPPED, BARE = HOSTS
SECOND = "https://mirror.gcr.io:443/"
"""The same mirror, under a URL that counts as another one."""
"""The other registry of the lab, which answers like a mirror."""


@pytest.fixture
def fleet(lab):
    """Yield an old engine, one that has lost its mirror, a stopped one, and one without mirrors."""
    hosts = {name: Host(lab, name) for name in HOSTS}
    conftest.modules([hosts[OLD], hosts[DRIFTED]], mirrors=[GCR], exclusive=True)
    conftest.modules([hosts[BARE]], mirrors=[], exclusive=True)
    saved = hosts[DRIFTED].daemon_json()
    hosts[DRIFTED].write_daemon_json(b'{"registry-mirrors": []}')
    with conftest.stopped(hosts[STOPPED]):
        before = {name: host.state() for name, host in hosts.items()}
        yield hosts
        assert {name: host.state() for name, host in hosts.items()} == before, (
            "no file is written, and no engine started or restarted"
        )
    hosts[DRIFTED].write_daemon_json(saved)
    conftest.modules([hosts[OLD], hosts[DRIFTED]], mirrors=[GCR], state="absent")


def audit(folder, *arguments):
    """Run the playbook, check the page and the output, and return the report."""
    code, _counts, out = run_playbook("pullthrough.docker.audit", "-e", f"audit_folder={folder}", *arguments)
    assert code == 0, out
    page = (folder / "report.html").read_text()
    report = json.loads((folder / "report.json").read_text())
    assert all(f">{host['name']}</th>" in page for host in report["hosts"]) and page.endswith("</html>\n")
    assert f"{report['summary']['covered']} of {report['summary']['hosts']} hosts use a wanted mirror" in out
    return report


def test_a_fleet_in_many_states(fleet, gone, tmp_path, prove):
    report = audit(tmp_path / "out", "-i", gone, "--limit", "engines:lost")
    kinds = {host["name"]: [finding["kind"] for finding in host["findings"]] for host in report["hosts"]}
    assert kinds == {
        # The certificates of the lab are valid for a few days.
        OLD: ["certificate_ends", "old_engine"],
        DRIFTED: ["drift", "certificate_ends"],
        STOPPED: ["engine_stopped"],
        BARE: ["mirror_unused"],
        "gone": ["unreachable"],
    }
    hosts = {host["name"]: host for host in report["hosts"]}
    assert {name: host["covered"] for name, host in hosts.items()} == {
        OLD: True,
        DRIFTED: True,
        STOPPED: False,
        BARE: False,
        "gone": False,
    }
    assert report["summary"]["covered"] == 2
    (mirror,) = [mirror for mirror in report["mirrors"] if mirror["url"] == GCR]
    assert (mirror["hosts"], mirror["usable"], mirror["unusable"]) == (2, 2, 0) and mirror["latency_ms"]["median"] > 0
    assert hosts[DRIFTED]["last_change"] and hosts[DRIFTED]["configured"] == [] and hosts[DRIFTED]["in_force"] == [GCR]
    for name, host in hosts.items():
        prove(name, "audited", {finding["kind"]: finding["message"] for finding in host["findings"]})


def test_one_host_in_check_mode(fleet, tmp_path):
    report = audit(tmp_path / "out", "--limit", OLD, "--check")
    assert [host["name"] for host in report["hosts"]] == [OLD] and report["summary"]["covered"] == 1


def test_all_hosts_unreachable(gone, tmp_path):
    report = audit(tmp_path / "out", "-i", gone, "--limit", "lost")
    assert report["summary"] == {
        "hosts": 1,
        "covered": 0,
        "unknown": 1,
        "will_not_start": 0,
        "states": {"unreachable": 1},
        "findings": {"unreachable": 1},
    }


# -- the wanted mirrors ----------------------------------------------------------------------------------------------


@pytest.fixture
def sites(lab):
    """Yield two hosts at two sites. Each uses its own site's mirror."""
    at_a, at_b = Host(lab, OLD), Host(lab, BARE)
    with conftest.as_they_were([at_a, at_b]):
        conftest.modules([at_a], mirrors=[GCR], exclusive=True)
        conftest.modules([at_b], mirrors=[SECOND], exclusive=True)
        yield at_a, at_b


def verdicts(report):
    """Return what the report says about each host, without the parts that differ from run to run."""
    hosts = {
        host["name"]: (host["covered"], [finding["kind"] for finding in host["findings"]]) for host in report["hosts"]
    }
    return report["wanted"], report["summary"], hosts


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("docker_mirror_urls=https://mirror.gcr.io", ["https://mirror.gcr.io"]),
        (
            "docker_mirror_urls=' https://other.example , https://mirror.gcr.io '",
            ["https://other.example", "https://mirror.gcr.io"],
        ),
    ],
)
def test_a_string_means_the_same_to_audit_and_configure(sites, tmp_path, text, urls):
    of_text = audit(tmp_path / "text", "--limit", OLD, "-e", text)
    of_list = audit(tmp_path / "list", "--limit", OLD, "-e", json.dumps({"docker_mirror_urls": urls}))
    assert verdicts(of_text) == verdicts(of_list)
    assert of_text["wanted"] == [f"{url}/" for url in urls]
    assert of_text["summary"]["covered"] == 1
    configure = ["pullthrough.docker.configure", "--limit", OLD, "-e", f"configure_left_file={tmp_path}/left"]
    code, _counts, out = run_playbook(*configure, "-e", text)
    assert code == 0, out
    assert sites[0].mirrors() == [GCR, *(f"{url}/" for url in urls if f"{url}/" != GCR)]


def site(folder, **urls):
    """Write an inventory that adds two sites with variables in group_vars, and return its folder."""
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts").write_text(f"[site_a]\n{OLD}\n[site_b]\n{BARE}\n")
    for name, wanted in urls.items():
        (folder / f"group_vars/{name}.yml").write_text(json.dumps({"docker_mirror_urls": wanted}))
    return folder


def test_each_host_is_judged_by_the_mirrors_of_its_own_site(sites, tmp_path, prove):
    inventory = site(tmp_path / "sites", site_a=[GCR], site_b=SECOND)
    report = audit(tmp_path / "out", "-i", inventory, "--limit", f"{OLD},{BARE}")
    hosts = {host["name"]: host for host in report["hosts"]}
    assert {name: host["covered"] for name, host in hosts.items()} == {OLD: True, BARE: True}
    assert "mirror_unused" not in report["summary"]["findings"]
    assert {name: host["wanted"] for name, host in hosts.items()} == {OLD: [GCR], BARE: [SECOND]}
    assert report["wanted"] == [GCR, SECOND]
    for name, host in hosts.items():
        prove(name, "judged by its own site's mirrors", host["wanted"])


def test_the_mirror_of_another_site_does_not_count(sites, tmp_path):
    inventory = site(tmp_path / "sites", site_a=[SECOND], site_b=[GCR])
    report = audit(tmp_path / "out", "-i", inventory, "--limit", f"{OLD},{BARE}")
    assert report["summary"]["covered"] == 0
    assert report["summary"]["findings"]["mirror_unused"] == 2


def test_a_misspelt_variable_stops_the_audit(lab, tmp_path):
    folder = tmp_path / "out"
    command = ["pullthrough.docker.audit", "--limit", OLD, "-e", f"audit_folder={folder}"]
    code, _counts, out = run_playbook(*command, "-e", f"docker_mirror_url={GCR}")
    assert code != 0 and "no variable docker_mirror_url; did you mean docker_mirror_urls?" in out, out
    assert not folder.exists()

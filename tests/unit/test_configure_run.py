# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of the playbooks configure and audit on a fleet. Stubs replace the modules."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.pullthrough.docker.tests.unit.audited import DEAD, engine, info
from ansible_collections.pullthrough.docker.tests.unit.role_fleet import (
    ABSENT,
    ADDED,
    ENGINE,
    SAME,
    STOPPED,
    USABLE,
    Fleet,
    role,
)

CONFIGURE, AUDIT = "pullthrough.docker.configure", "pullthrough.docker.audit"
DECLARE, LOOK, CHECK = "registry_mirrors", "registry_mirrors_info", "registry_mirrors_health_info"
FAILED = {"failed": True, "changed": False, "msg": "no"}


def fleet_of(folder, **declared):
    results = {
        host: {DECLARE: result, LOOK: {"engine": result.get("engine")}, CHECK: USABLE}
        for host, result in declared.items()
    }
    return Fleet(folder, results)


@pytest.fixture
def fleet(tmp_path):
    return fleet_of(tmp_path, first=SAME, added=ADDED, bare=ABSENT, stopped=STOPPED)


def test_waves_are_numbered_and_each_group_is_named(fleet):
    code, _counts, out = fleet.run(CONFIGURE, configure_waves="1,2")
    assert code == 0, out
    heads = re.findall(r'"(after wave \d of \d): changed (\d), healed 0, unchanged (\d), .*waiting (\d);', out)
    assert heads == [
        ("after wave 1 of 3", "0", "1", "3"),
        ("after wave 2 of 3", "2", "1", "1"),
        ("after wave 3 of 3", "2", "2", "0"),
    ], out
    assert "stopped: 1 (stopped). " in out and "without docker: 1 (bare). " in out
    assert '"left:' not in out and not (fleet.folder / "configure.left").exists()


def test_hosts_without_docker_are_skipped(fleet):
    code, counts, out = fleet.run(CONFIGURE, configure_skip_without_docker=True, configure_waves=["100%"])
    assert code == 0 and "skipped: 1 (bare). They have no Docker." in out, out
    assert {host: fleet.calls(host) for host in counts} == {
        "first": [LOOK, DECLARE],
        "added": [LOOK, DECLARE, CHECK],
        "bare": [LOOK],
        "stopped": [LOOK, DECLARE],
    }
    assert "changed 1, healed 0, unchanged 3," in out and "without docker" not in out


@pytest.mark.parametrize("allowed", [0, 50])
def test_what_is_left_is_said_when_the_run_ends(tmp_path, allowed):
    """With 50 %, the failure in the first wave does not stop the run."""
    fleet = fleet_of(tmp_path, bad=FAILED, good=SAME, last=SAME)
    code, counts, out = fleet.run(CONFIGURE, configure_waves=[2], configure_max_fail_percentage=allowed)
    assert code == 2 and out.count('"left: ') == 1, out
    if allowed:
        assert out.index("after wave 2 of 2") < out.index("left: 1. To continue, run the playbook again with --limit @")
        assert len(counts) == 3 and "The run stops here" not in out
    else:
        assert "The run stops here: 1 of 2 hosts of this wave failed." in out
        assert "left: 2. To continue, run the playbook again with --limit @" in out and len(counts) == 2
    assert (fleet.folder / "configure.left").read_text().split() == (["bad"] if allowed else ["bad", "last"])


def test_waves_that_are_no_sizes_are_refused(fleet):
    code, counts, out = fleet.run(CONFIGURE, configure_waves="1, ten")
    assert code != 0 and "configure_waves must be a list of numbers and percentages" in out, out
    assert "Traceback" not in out and not counts


@pytest.mark.parametrize(
    ("playbook", "variables", "meant"),
    [
        (CONFIGURE, {"docker_mirror_waves": 1}, "configure_waves"),
        (CONFIGURE, {"configure_wave": 1}, "configure_waves"),
        (AUDIT, {"docker_mirror_url": "https://cache.example"}, "docker_mirror_urls"),
        (AUDIT, {"audit_folders": "x"}, "audit_folder"),
    ],
)
def test_a_misspelt_variable_of_a_playbook(fleet, playbook, variables, meant):
    code, counts, out = fleet.run(playbook, **variables)
    assert code == 2 and f"There is no variable {next(iter(variables))}; did you mean {meant}?" in out, out
    assert not any(fleet.calls(host) for host in counts)


def test_a_misspelt_variable_of_one_site_is_in_the_summary(tmp_path):
    fleet = fleet_of(tmp_path, first=SAME, second=SAME)
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/second.yml").write_text("docker_mirror_url: https://cache.example\n")
    code, _counts, out = fleet.run(CONFIGURE)
    assert code == 2 and fleet.calls("second") == [], out
    assert "after wave 2 of 2: changed 0, healed 0, unchanged 1, refused 1, " in out, out
    assert "refused: second: There is no variable docker_mirror_url; did you mean docker_mirror_urls?" in out
    assert "left: 1. To continue, run the playbook again with --limit @" in out


@pytest.mark.parametrize(
    ("playbook", "name"),
    [(CONFIGURE, "configure_left_file"), (CONFIGURE, "inventory_hostname"), (AUDIT, "audit_folder")],
)
def test_a_fact_cannot_choose_a_path_of_the_controller(tmp_path, playbook, name):
    """A compromised host can return any fact in an earlier play."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("precious")
    fleet = Fleet(tmp_path, {"evil": {LOOK: {"ansible_facts": {name: str(victim)}}, DECLARE: SAME}})
    module = {f"pullthrough.docker.{LOOK}": {"service": "{{ docker_mirror_service }}"}}
    earlier = {"hosts": "all", "gather_facts": False, "tasks": [module]}
    code, _counts, out = fleet.run([earlier, {"import_playbook": playbook}])
    assert code == 2 and f"The facts of this host set {name}, which would overrule your variables." in out, out
    assert [path.name for path in victim.iterdir()] == ["file"] and fleet.calls("evil") == [LOOK]


@pytest.mark.parametrize("facts", [{"configure_max_fail_percentage": "x"}, {"configure_waves": ["x"]}], ids=" ".join)
def test_a_fact_cannot_break_the_summary(tmp_path, facts):
    """A compromised host can return any fact from the modules of the run itself."""
    evil = {LOOK: {"engine": SAME["engine"], "ansible_facts": facts}, DECLARE: SAME}
    code, _counts, out = Fleet(tmp_path, {"evil": evil}).run(CONFIGURE, configure_skip_without_docker=True)
    assert code == 0 and '"changed 0, healed 0, unchanged 1,' in out, out


FUNCTIONS = dict.fromkeys(("now", "dict", "lookup", "query", "undef"), "x")
"""A fact with such a name hides the function from the templates that are rendered with the variables of this host."""


def test_a_fact_cannot_hide_a_function_from_the_report(tmp_path):
    facts = {"ansible_facts": FUNCTIONS}
    results = {
        "evil": {LOOK: {**info(), **facts}, CHECK: {"mirrors": [], **facts}},
        "good": {LOOK: info(), CHECK: USABLE},
    }
    code, _counts, out = Fleet(tmp_path, results).run(AUDIT)
    assert code == 0 and "hosts use a wanted mirror that answers" in out, out
    report = json.loads((tmp_path / "audit/report.json").read_text())
    assert [host["name"] for host in report["hosts"]] == ["evil", "good"]


def test_a_host_cannot_speak_for_another_one(tmp_path):
    """Its facts can hide its name and functions. The file of the hosts that are left must stay right."""
    (tmp_path / "configure.left").write_text("earlier\n")
    facts = {"ansible_facts": {**FUNCTIONS, "inventory_hostname": "good"}}
    evil = {LOOK: {"engine": ENGINE, **facts}, DECLARE: {**SAME, **facts}}
    good = {LOOK: {"engine": ENGINE}, DECLARE: {**FAILED, "msg": "it is broken"}}
    fleet = Fleet(tmp_path, {"evil": evil, "good": good})
    code, _counts, out = fleet.run(CONFIGURE, configure_waves="100%", configure_skip_without_docker=True)
    assert code == 2 and "unchanged 0, refused 2, unreachable 0, waiting 0;" in out, out
    assert '"refused: good: it is broken"' in out and '"refused: evil: ' in out
    assert (tmp_path / "configure.left").read_text().split() == ["evil", "good", "earlier"]


EVIL = "{{ lookup('ansible.builtin.pipe', 'touch FILE') }}"
"""What the text of a compromised host would run on the controller, if Ansible evaluated it as a template."""


@pytest.mark.parametrize("play", [CONFIGURE, AUDIT, role(canary_images=["alpine"])], ids=["configure", "audit", "role"])
def test_no_text_of_a_host_is_evaluated_as_a_template(tmp_path, play):
    file = tmp_path / "evaluated"
    evil = EVIL.replace("FILE", str(file))
    running = {**SAME, "pending": "reload", "pending_reasons": [evil], "engine": {**ENGINE, "version": evil}}
    look = info(conflicts=[{"message": evil}], drift_reasons=[evil], cautions=[evil], **engine(version=f"1.2 {evil}"))
    canary = {"images": [{"image": evil, "used": evil, "reason": evil}]}
    check = {"mirrors": [{**DEAD, "reason": evil}], "usable_mirrors": [evil]}
    failed = {**FAILED, "msg": evil}
    results = {
        "runs": {DECLARE: running, LOOK: look, CHECK: check, "registry_mirrors_canary": canary},
        "fails": {DECLARE: failed, LOOK: failed, CHECK: failed},
    }
    fleet = Fleet(tmp_path, results)
    _code, counts, out = fleet.run(play, configure_waves="100%")
    assert set(counts) == set(results) and evil in out, out
    assert not file.exists(), out
    if play == AUDIT:
        report = json.loads((tmp_path / "audit/report.json").read_text())
        assert evil in report["hosts"][1]["findings"][0]["message"]

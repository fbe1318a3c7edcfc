# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role in every form of use, on engines that need no restart."""

from __future__ import annotations

import pytest

import conftest

from conftest import playbook, run_playbook

ROLE = "pullthrough.docker.docker_mirror"
NEW = "https://new.example"
SECOND = "https://second.example"

FORMS = {
    "roles": {"roles": [{"role": ROLE, "docker_mirror_urls": [NEW]}]},
    "import_role": {"tasks": [{"ansible.builtin.import_role": {"name": ROLE}, "vars": {"docker_mirror_urls": [NEW]}}]},
    "include_role": {
        "tasks": [{"ansible.builtin.include_role": {"name": ROLE}, "vars": {"docker_mirror_urls": [NEW]}}]
    },
    "become, facts, strategy free": {
        "become": True,
        "gather_facts": True,
        "strategy": "ansible.builtin.free",
        "vars": {"docker_mirror_urls": [NEW]},
        "roles": [ROLE],
    },
    "serial": {"serial": 1, "vars": {"docker_mirror_urls": [NEW]}, "roles": [ROLE]},
}


@pytest.fixture(autouse=True)
def as_it_was(hosts):
    with conftest.as_they_were(hosts):
        yield


def play(form, **more):
    return [{"hosts": "engines", "gather_facts": False, **FORMS[form], **more}]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_use_comes_into_force_and_a_second_run_changes_nothing(form, hosts, tmp_path):
    code, counts, out = playbook(tmp_path / "play.yml", play(form))
    assert code == 0, out
    assert all(counts[host.name]["changed"] == 1 for host in hosts), out
    assert all(f"{NEW}/" in host.mirrors() for host in hosts)
    code, counts, out = run_playbook(tmp_path / "play.yml")
    facts = 1 if FORMS[form].get("gather_facts") else 0
    included = 1 if form == "include_role" else 0
    assert code == 0 and all(count["changed"] == 0 for count in counts.values()), out
    # The role validates its arguments on the controller, so one task is left.
    assert all(counts[host.name]["ok"] == 2 + facts + included for host in hosts), out


def test_twice_in_one_play(hosts, tmp_path):
    uses = [{"role": ROLE, "docker_mirror_urls": [NEW]}, {"role": ROLE, "docker_mirror_urls": [SECOND]}]
    code, counts, out = playbook(tmp_path / "play.yml", [{"hosts": "engines", "gather_facts": False, "roles": uses}])
    assert code == 0, out
    assert all(
        host.mirrors()[-2:] == [f"{NEW}/", f"{SECOND}/"] and counts[host.name]["changed"] == 2 for host in hosts
    ), out


def test_limit_and_tags(hosts, tmp_path):
    first, *others = hosts
    tagged = [
        {"role": ROLE, "docker_mirror_urls": [NEW], "tags": ["mirror"]},
        {"role": ROLE, "docker_mirror_urls": [SECOND]},
    ]
    plays = [{"hosts": "engines", "gather_facts": False, "roles": tagged}]
    code, counts, out = playbook(tmp_path / "play.yml", plays, "--limit", first.name, "--tags", "mirror")
    assert code == 0 and list(counts) == [first.name], out
    assert first.mirrors()[-1] == f"{NEW}/"
    assert not [host for host in others if f"{NEW}/" in host.mirrors()]


def test_check_mode_predicts_and_changes_nothing(hosts, tmp_path):
    before = [(host.daemon_json(), host.mirrors(), host.files()) for host in hosts]
    code, counts, out = playbook(tmp_path / "play.yml", play("roles"), "--check", "--diff")
    assert code == 0 and all(counts[host.name]["changed"] == 1 for host in hosts), out
    assert "+++ after: engine" in out and f"+{NEW}/" in out
    assert [(host.daemon_json(), host.mirrors(), host.files()) for host in hosts] == before


def test_bad_variables_are_named_and_nothing_is_changed(hosts, tmp_path):
    for name, value, word in (("docker_mirror_state", "gone", "absent"), ("docker_mirror_timeout", "soon", "int")):
        code, _counts, out = playbook(tmp_path / "play.yml", play("roles", vars={name: value}))
        assert code != 0 and name in out and word in out


# -- the lines at the end --------------------------------------------------------------------------------------------


def line_of(host, out):
    """Return what the role says about a host."""
    return "\n".join(line for line in out.splitlines() if line.strip().startswith(f'"{host.name}: '))


def test_a_line_says_what_is_in_force_was_before_and_was_done(hosts, tmp_path, prove):
    before = {host.name: " ".join(host.mirrors()) or "none" for host in hosts}
    pids = [host.engine_pid() for host in hosts]
    plays = play("roles", vars={"docker_mirror_exclusive": True})
    code, _counts, out = playbook(tmp_path / "play.yml", plays)
    assert code == 0, out
    for host in hosts:
        version = host.info()["ServerVersion"]
        told = f"in force {NEW}/ (was: {before[host.name]}); reloaded, nothing restarted; engine {version}"
        assert f"{host.name}: {told}" in line_of(host, out), out
        assert host.mirrors() == [f"{NEW}/"]
        prove(host.name, "the line of the role", told)
    assert [host.engine_pid() for host in hosts] == pids
    code, _counts, out = run_playbook(tmp_path / "play.yml")
    assert code == 0 and not any(line_of(host, out) for host in hosts), out


def test_new_mirrors_are_checked_by_default_and_only_then(hosts, tmp_path):
    code, _counts, out = playbook(tmp_path / "play.yml", play("roles"))
    assert code == 0 and f"The mirror {NEW}/ cannot be used" in out, out
    code, _counts, out = run_playbook(tmp_path / "play.yml")
    assert code == 0 and "cannot be used" not in out, out


def test_a_required_mirror_is_checked_before_anything_is_written(hosts, tmp_path):
    before = [(host.daemon_json(), host.mirrors()) for host in hosts]
    code, counts, out = playbook(tmp_path / "play.yml", play("roles", vars={"docker_mirror_health": "require"}))
    assert code != 0 and out.count("No mirror is usable from this host") >= len(hosts), out
    assert all(count["changed"] == 0 for count in counts.values())
    assert [(host.daemon_json(), host.mirrors()) for host in hosts] == before


def test_a_mirror_in_front_of_the_list_is_named_with_the_remedy(hosts, tmp_path):
    conftest.modules(hosts, mirrors=[SECOND], exclusive=True)
    code, _counts, out = playbook(tmp_path / "play.yml", play("roles"))
    assert code == 0, out
    for host in hosts:
        assert host.mirrors() == [f"{SECOND}/", f"{NEW}/"]
        assert f"not in docker_mirror_urls: {SECOND}/" in line_of(host, out), out
        assert f"Docker asks {SECOND}/ before mirrors in docker_mirror_urls" in line_of(host, out), out


def test_absent_says_what_stays_and_exclusive_removes_all(hosts, tmp_path):
    conftest.modules(hosts, mirrors=[SECOND], exclusive=True)
    absent = {"docker_mirror_state": "absent"}
    code, counts, out = playbook(tmp_path / "play.yml", play("roles", vars=absent))
    assert code == 0 and all(count["changed"] == 0 for count in counts.values()), out
    assert all("nothing was removed" in line_of(host, out) and SECOND in line_of(host, out) for host in hosts), out
    code, _counts, out = playbook(
        tmp_path / "play.yml", play("roles", vars={**absent, "docker_mirror_exclusive": True})
    )
    assert code == 0 and all(host.mirrors() == [] for host in hosts), out
    assert all(f"{host.name}: in force none (was: {SECOND}/); reloaded" in line_of(host, out) for host in hosts), out


def test_a_misspelt_variable_is_refused_with_the_name_that_was_meant(hosts, tmp_path):
    before = [(host.daemon_json(), host.mirrors()) for host in hosts]
    code, counts, out = playbook(tmp_path / "play.yml", play("roles", vars={"docker_mirror_url": SECOND}))
    assert code != 0 and all(count["failed"] == 1 for count in counts.values()), out
    assert "did you mean docker_mirror_urls?" in out
    assert [(host.daemon_json(), host.mirrors()) for host in hosts] == before

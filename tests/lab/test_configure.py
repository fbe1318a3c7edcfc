# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook configure: waves with a canary host first, the summary, and the hosts that are left."""

from __future__ import annotations

import json
import re

import pytest

import conftest

from conftest import HOSTS, run_playbook

NEW = "https://new.example"
NOTHING = {"changed": 0, "healed": 0, "unchanged": 0, "refused": 0, "unreachable": 0, "waiting": 0}
WORK = {"reloads": 0, "restarts": 0, "containers stopped": 0}


@pytest.fixture(autouse=True)
def as_it_was(hosts):
    with conftest.as_they_were(hosts):
        yield


@pytest.fixture
def left_file(tmp_path):
    return tmp_path / "left"


@pytest.fixture
def configure(left_file):
    """A function that runs the playbook. It returns exit code, summaries, hosts in the file, recap and output."""

    def run(*arguments, limit="engines", **variables):
        own = {f"configure_{name}": value for name, value in {"left_file": str(left_file), **variables}.items()}
        declared = json.dumps({"docker_mirror_urls": [NEW], **own})
        code, counts, out = run_playbook("pullthrough.docker.configure", "--limit", limit, "-e", declared, *arguments)
        summaries = [
            {name: int(number) for name, number in re.findall(r"(\w[\w ]*?) (\d+)[,;.]", line)}
            for line in re.findall(
                r'"(?:after wave \d of \d: )?(?:Check mode, nothing .* would be: )?(changed \d+, healed .*)"',
                out,
            )
        ]
        return code, summaries, left_file.read_text().splitlines() if left_file.exists() else None, counts, out

    return run


def test_waves_a_summary_after_each_and_none_left(hosts, configure, prove):
    pids = [host.engine_pid() for host in hosts]
    last = hosts[-1].name
    code, summaries, left, counts, out = configure(canary_host=last)
    assert code == 0 and set(counts) == set(HOSTS) and left is None, out
    assert out.count("PLAY [Make Docker Engines use registry mirrors]") == 3, "the canary host, the next, the rest"
    assert out.index(f"changed: [{last}]") < min(out.index(f"changed: [{name}]") for name in HOSTS if name != last), (
        "the canary host first"
    )
    assert summaries == [
        {**NOTHING, **WORK, "changed": 1, "waiting": 3, "reloads": 1},
        {**NOTHING, **WORK, "changed": 2, "waiting": 2, "reloads": 2},
        {**NOTHING, **WORK, "changed": 4, "reloads": 4},
    ]
    assert all(f"{NEW}/" in host.mirrors() for host in hosts) and [host.engine_pid() for host in hosts] == pids
    prove(hosts[0].name, "a fleet in waves", summaries[-1])
    code, summaries, left, counts, out = configure()
    assert (code, summaries[-1], left) == (0, {**NOTHING, **WORK, "unchanged": 4}, None), out
    assert all(count["changed"] == 0 for count in counts.values()), out


def test_it_stops_at_the_first_failed_host_and_goes_on_with_those_that_are_left(hosts, configure, left_file, prove):
    first, *others = hosts
    good = first.daemon_json()
    before = [(host.daemon_json(), host.mirrors()) for host in others]
    try:
        first.write_daemon_json(b'{"debug": tru}')
        code, summaries, left, counts, out = configure()
    finally:
        first.write_daemon_json(good)
    assert code != 0 and list(counts) == [first.name], out
    assert "/etc/docker/daemon.json, line 1, column 11" in out and "Nothing was changed" in out
    assert summaries == [{**NOTHING, **WORK, "refused": 1, "waiting": 3}] and left == list(HOSTS), out
    assert f"refused: {first.name}: /etc/docker/daemon.json, line 1, column 11" in out, (
        "the cause is in the summary too"
    )
    assert [(host.daemon_json(), host.mirrors()) for host in others] == before
    code, _summaries, left, _counts, out = configure(limit=f"{first.name},{others[0].name}")
    assert code == 0 and left == list(HOSTS)[2:], "a run for some of them leaves the others in the file"
    code, summaries, left, _counts, out = configure(limit=f"@{left_file}")
    assert code == 0 and summaries[-1] == {**NOTHING, **WORK, "changed": 2, "reloads": 2} and left is None, out
    assert all(f"{NEW}/" in host.mirrors() for host in hosts)
    prove(first.name, "a fleet goes on with the hosts that are left", summaries[-1])


def test_an_unreachable_host_is_left_and_counts_as_failed(hosts, configure, gone):
    code, summaries, left, _counts, out = configure("-i", gone, limit="engines:lost", canary_host="gone")
    assert code != 0 and left == ["gone", *HOSTS], out
    assert summaries == [{**NOTHING, **WORK, "unreachable": 1, "waiting": 4}] and "unreachable: gone: " in out
    code, summaries, left, _counts, out = configure(
        "-i", gone, limit="engines:lost", waves=["100%"], max_fail_percentage=25
    )
    assert code != 0 and left == ["gone"], out
    assert summaries[-1] == {**NOTHING, **WORK, "changed": 4, "unreachable": 1, "reloads": 4}, out
    assert all(f"{NEW}/" in host.mirrors() for host in hosts)


def test_a_lost_reload_is_healed(hosts, configure):
    for host in hosts:
        host.write_daemon_json(json.dumps({"registry-mirrors": [NEW]}).encode())
    code, summaries, left, _counts, out = configure("--check")
    assert (
        code == 0
        and summaries[-1] == {**NOTHING, **WORK, "healed": 4, "reloads": 4}
        and "Check mode, nothing was done" in out
    ), out
    assert not any(f"{NEW}/" in host.mirrors() for host in hosts) and left is None
    code, summaries, _left, _counts, out = configure()
    assert code == 0 and summaries[-1] == {**NOTHING, **WORK, "healed": 4, "reloads": 4}, out
    assert all(host.mirrors() == [f"{NEW}/"] for host in hosts)


def test_what_is_left_is_said_once_and_waves_are_numbered(hosts, configure):
    code, _summaries, _left, _counts, out = configure()
    assert code == 0 and "left: " not in out, out
    assert [f'"after wave {number} of 3: ' in out for number in (1, 2, 3)] == [True, True, True], out


def test_a_misspelt_variable_stops_the_run_before_its_first_host(hosts, configure):
    before = [(host.daemon_json(), host.mirrors()) for host in hosts]
    for name, meant in (("docker_mirror_url", "docker_mirror_urls"), ("configure_wave", "configure_waves")):
        code, summaries, _left, _counts, out = configure("-e", f"{name}=1")
        assert code != 0 and summaries == [] and f"no variable {name}; did you mean {meant}?" in out, out
    assert [(host.daemon_json(), host.mirrors()) for host in hosts] == before

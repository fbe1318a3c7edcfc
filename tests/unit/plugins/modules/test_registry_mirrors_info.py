# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module registry_mirrors_info, against a model of the engine."""

from __future__ import annotations

import pytest

GCR = "https://mirror.gcr.io/"
WITH_GCR = '{\n  "registry-mirrors": ["https://mirror.gcr.io"]\n}\n'


def given(daemon_json, text):
    daemon_json.parent.mkdir()
    daemon_json.write_text(text)


@pytest.mark.parametrize(
    ("text", "in_force", "drift"),
    [(WITH_GCR, [GCR], False), (WITH_GCR, [], True), ("{}", [GCR], True), ("{}", [], False), ('{"registry-mirrors": null}', [], False)],
)
def test_drift(engine, run, daemon_json, text, in_force, drift):
    given(daemon_json, text)
    engine.mirrors = in_force
    result = run("registry_mirrors_info")
    assert (result["changed"], result["in_force"], result["drift"]) == (False, in_force, drift)
    assert bool(result["drift_reasons"]) is drift
    assert daemon_json.read_text() == text and engine.texts == []


@pytest.mark.parametrize("state", ["stopped", "absent", "unreachable", "ambiguous", "starting"])
def test_an_engine_that_gives_no_answer_is_data(engine, run, daemon_json, state):
    given(daemon_json, WITH_GCR)
    engine.state = state
    result = run("registry_mirrors_info")
    assert (result["mirrors"], result["in_force"], result["drift"]) == ([GCR], None, None)
    assert result["engine"]["state"] == state and result["engine"]["reason"]
    assert result["sources"] == [{"source": "daemon_json", "path": str(daemon_json), "line": 2, "mirrors": [GCR], "reason": None}]


def test_a_file_that_cannot_be_read_is_data(engine, run, daemon_json):
    given(daemon_json, '{"debug": tru}')
    result = run("registry_mirrors_info")
    assert result["mirrors"] is None and result["drift"] is None
    assert "line 1, column 11" in result["sources"][0]["reason"]


def test_no_file_means_no_mirror(engine, run, daemon_json):
    result = run("registry_mirrors_info")
    assert (result["mirrors"], result["drift"]) == ([], False)


def test_a_flag_beside_the_key_is_a_conflict(engine, run, daemon_json, systemd):
    systemd.start("/usr/sbin/dockerd --registry-mirror=https://me:hush@flag.example")
    engine.argv += ("--registry-mirror=https://me:hush@flag.example",)
    given(daemon_json, "{}")
    result = run("registry_mirrors_info")
    assert result["conflicts"] == [] and result["mirrors"] == ["https://***@flag.example/"]
    place = {"source": "systemd_drop_in", "path": str(systemd.unit), "line": 3, "mirrors": ["https://***@flag.example/"], "reason": None}
    assert result["sources"][1:] == [place]
    daemon_json.write_text(WITH_GCR)
    (conflict,) = run("registry_mirrors_info")["conflicts"]
    assert conflict["setting"] == "registry-mirrors" and conflict["places"] == [f"{daemon_json}, line 2", f"{systemd.unit}, line 3"]
    assert "hush" not in str(result)


def test_a_flag_of_no_file(engine, run, daemon_json):
    engine.argv += ("--registry-mirror", GCR)
    engine.mirrors = [GCR]
    result = run("registry_mirrors_info")
    assert result["sources"][1:] == [{"source": "command_line", "path": None, "line": None, "mirrors": [GCR], "reason": None}]
    assert (result["mirrors"], result["drift"]) == ([GCR], False)


def test_a_unit_that_changed_under_our_drop_in_is_drift(engine, run, daemon_json, systemd):
    assert run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")["changed"]
    engine.argv += (f"--registry-mirror={GCR[:-1]}",)
    engine.mirrors = [GCR]
    assert run("registry_mirrors_info")["drift"] is False
    systemd.start("/usr/bin/dockerd --new")
    result = run("registry_mirrors_info")
    assert result["drift"] is True and str(systemd.own) in result["drift_reasons"][0]


def test_what_only_a_shell_knows_is_said(engine, run, daemon_json, tmp_path, monkeypatch):
    from ansible_collections.pullthrough.docker.plugins.module_utils import _service

    options = tmp_path / "options"
    options.write_text('DOCKER_OPTS="$(cat /x) --registry-mirror=https://a.example"\n')
    start = _service.Start("docker", "shell", ("dockerd",), [], [str(options)], ["DOCKER_OPTS"], None)
    monkeypatch.setattr(_service, "next_start", lambda service: start)
    result = run("registry_mirrors_info")
    assert result["sources"][1]["mirrors"] is None and f"{options}, line 1" in result["sources"][1]["reason"]
    result = run("registry_mirrors", mirrors=GCR)
    assert result["failed"] and f"{options}, line 1" in result["msg"]

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that the engine refuses change nothing, with and without our own checks."""

from __future__ import annotations

import pytest

import conftest

BAD = "ftp://mirror.example"


@pytest.fixture(scope="module")
def without_checks(tmp_path_factory):
    root = tmp_path_factory.mktemp("collections")
    conftest.collection_without_checks(root)
    return root


def snapshot(host):
    """Return everything that a refusal must not change."""
    return {
        "in force": host.mirrors(),
        "file": host.daemon_json(),
        "files": host.files(),
        "engine": host.engine_pid(),
        "witness": host.witness(),
    }


def test_the_engine_refuses_and_all_is_put_back(host, without_checks, prove):
    before = snapshot(host)
    result = host.module(collections=without_checks, mirrors=[BAD])
    after = snapshot(host)
    assert after == before
    assert result["failed"] and result["changed"] is False
    assert "invalid mirror" in result["msg"] or "not allowed" in result["msg"], result["msg"]
    assert "are as they were" in result["msg"]
    hashes = {moment: conftest.sha256(state["file"]) for moment, state in (("before", before), ("after", after))}
    prove(
        host.name,
        "a mirror that the engine refuses is put back",
        {
            "in force": {"before": before["in force"], "after": after["in force"]},
            "SHA-256 of daemon.json": hashes,
            "message": result["msg"],
        },
    )


def test_our_own_check_refuses_it_first(host):
    before = snapshot(host)
    result = host.module(mirrors=[BAD])
    assert result["failed"] and not result["changed"] and "ftp" in result["msg"]
    assert snapshot(host) == before


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{\n  "log-levle": "info"\n}\n', "line 2, column 3"),
        ('{\n  "debug": true,\n}\n', "line 2, column 16"),
        ('{\n  // comment\n  "debug": true\n}\n', "line 2, column 3"),
        ('{"debug": true,\n "debug": true}\n', "line 2, column 2"),
        ('{\n  "registry-mirrors": "https://a.example"\n}\n', "line 2"),
        ('{\n  "registry-mirror": ["https://a.example"]\n}\n', "line 2"),
        ("[]\n", "line 1, column 1"),
    ],
)
def test_a_file_that_the_engine_would_refuse_stays_as_it_is(hosts, text, where):
    """This includes unknown keys: before 23.0 by a table of keys, later by the engine's own check."""
    before = {host: (host.daemon_json(), host.mirrors()) for host in hosts}
    try:
        for host in hosts:
            host.write_daemon_json(text.encode())
        for name, result in conftest.modules(hosts, mirrors=["https://new.example"]).items():
            assert result["failed"] and not result["changed"], name
            assert "/etc/docker/daemon.json" in result["msg"] and where in result["msg"], result["msg"]
        assert all(host.daemon_json() == text.encode() for host in hosts)
    finally:
        for host, (data, _mirrors) in before.items():
            host.write_daemon_json(data)
    assert all(host.mirrors() == mirrors for host, (_data, mirrors) in before.items())


def test_a_hung_engine_is_reported_in_time_and_nothing_is_changed(hosts):
    before = {host.name: host.daemon_json() for host in hosts}
    pids = {host.name: str(host.engine_pid()) for host in hosts}
    for host in hosts:
        host.run("kill", "-STOP", pids[host.name])
    try:
        infos = conftest.modules(hosts, "registry_mirrors_info", timeout=2)
        results = conftest.modules(hosts, mirrors=["https://new.example"], timeout=2)
    finally:
        for host in hosts:
            host.run("kill", "-CONT", pids[host.name])
    for host in hosts:
        info, result = infos[host.name], results[host.name]
        assert (
            not info["failed"]
            and info["engine"]["state"] == "unreachable"
            and "docker.sock" in info["engine"]["reason"]
        )
        assert info["in_force"] is None and info["drift"] is None and info["sources"][0]["mirrors"] is not None
        assert (
            result["failed"]
            and not result["changed"]
            and "is unreachable" in result["msg"]
            and "Nothing was changed" in result["msg"]
        )
        assert host.daemon_json() == before[host.name] and host.engine_pid() == int(pids[host.name])

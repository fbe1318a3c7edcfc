# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Further settings of daemon.json: by a reload where that is enough, proven by the engine's own event, and put back where it refuses."""

from __future__ import annotations

import time

import pytest

from test_places import may_start_again, restart, text_of

import conftest

from conftest import playbook

ROLE = "pullthrough.docker.docker_mirror"
FILE = "/etc/docker/daemon.json"
TEXT = b'{\n    "max-concurrent-uploads" : 4,\n    "log-opts": {"max-size": "9m",\t"max-file": "3"}\n}'


@pytest.fixture
def settled(host):
    """A file in an odd style, which the engine has read."""
    data = host.daemon_json()
    host.write(FILE, TEXT)
    restart(host)
    with host.sdk() as client:
        client.containers.get("witness").start()
    yield host
    host.write(FILE, data)
    restart(host)
    with host.sdk() as client:
        client.containers.get("witness").start()


def shown(host):
    with host.sdk() as client:
        return client.info()


def reloads(host, since):
    """Attributes of the engine's own reload events since then."""
    with host.sdk() as client:
        events = client.events(since=since, until=time.time() + 1, filters={"type": "daemon", "event": "reload"}, decode=True)
        return [event["Actor"]["Attributes"] for event in events]


def test_settings_by_a_reload(settled, prove):
    host = settled
    pid, witness, since = host.engine_pid(), host.witness(), time.time()
    settings = {"debug": True, "max-concurrent-downloads": 7, "insecure-registries": ["r.example:5000"], "labels": ["lab=1"]}
    predicted = host.module("daemon_config", check=True, settings=settings)
    assert host.daemon_json() == TEXT and reloads(host, since) == []
    result = host.module("daemon_config", settings=settings)
    assert result["changed"] and result["reloaded"] and predicted["changed_keys"] == result["changed_keys"] == list(settings), result
    assert result["in_force"] == {"debug": True, "max-concurrent-downloads": None, "insecure-registries": True, "labels": True}
    info = shown(host)
    assert info["Debug"] is True and info["Labels"] == ["lab=1"] and "r.example:5000" in info["RegistryConfig"]["IndexConfigs"]
    (event,) = reloads(host, since)
    assert event["max-concurrent-downloads"] == "7"
    assert host.daemon_json().startswith(TEXT[:-2]), "every byte that was there"
    assert not host.module("daemon_config", settings=settings)["changed"]

    # Taken out again: the engine keeps what some were, unless it is told.
    result = host.module("daemon_config", remove=list(settings))
    assert result["changed"] and result["reloaded"] and host.daemon_json() == TEXT
    info = shown(host)
    assert info["Debug"] is False and not info["Labels"] and "r.example:5000" not in info["RegistryConfig"]["IndexConfigs"]
    assert not host.module("daemon_config", remove=list(settings))["changed"]
    assert (host.engine_pid(), host.witness()) == (pid, witness)
    prove(host.name, "settings by a reload, and back", {"event": event["max-concurrent-downloads"], "SHA-256": conftest.sha256(host.daemon_json())})


def test_what_the_engine_refuses_is_put_back(settled, prove):
    """No check finds it but the engine's own, at the reload."""
    host = settled
    pid, witness, before = host.engine_pid(), host.witness(), shown(host)["RegistryConfig"]
    result = host.module("daemon_config", settings={"debug": True, "insecure-registries": ["r.example/path"]})
    assert result["failed"] and not result["changed"] and "r.example/path" in result["msg"] and "as they were" in result["msg"], result["msg"]
    info = shown(host)
    assert (host.daemon_json(), host.engine_pid(), host.witness(), info["RegistryConfig"], info["Debug"]) == (TEXT, pid, witness, before, False)
    prove(host.name, "a setting that the engine refuses is put back", {"message": result["msg"]})


def test_settings_that_take_a_restart(settled, tmp_path, prove):
    host = settled
    pid = host.engine_pid()
    result = host.module("daemon_config", settings={"log-opts": {"max-size": "10m"}})
    assert result["failed"] and "would stop 1 running container" in result["msg"] and host.daemon_json() == TEXT

    variables = {"docker_mirror_daemon_settings": {"log-opts": {"max-size": "10m"}, "log-level": "warn"}, "docker_mirror_keep_containers": False}
    plays = [{"hosts": host.name, "gather_facts": False, "vars": variables, "roles": [ROLE]}]
    may_start_again(host)
    code, counts, out = playbook(tmp_path / "play.yml", plays)
    assert code == 0 and host.engine_pid() != pid, out
    assert host.mirrors() == [conftest.GCR] and b'"max-size": "10m",\t"max-file": "3"' in host.daemon_json() and b'"log-level": "warn"' in host.daemon_json()
    pid = host.engine_pid()
    code, counts, out = playbook(tmp_path / "play.yml", plays)
    assert code == 0 and counts[host.name]["changed"] == 0 and host.engine_pid() == pid, out
    assert not [name for name in host.files() if "~" in name], "no copy is left behind"
    prove(host.name, "settings by a restart, with the mirrors", {"in force": host.mirrors()})


def test_settings_with_which_the_engine_does_not_start_are_put_back(settled, tmp_path):
    """A mirror by a reload, and a setting that stops the start: of the one file, the setting is put back, and the mirror stays."""
    host = settled
    variables = {"docker_mirror_daemon_settings": {"data-root": "/proc/no"}, "docker_mirror_keep_containers": False, "docker_mirror_restart_timeout": 3}
    may_start_again(host)
    plays = [{"hosts": host.name, "gather_facts": False, "vars": variables, "roles": [ROLE]}]
    code, _counts, out = playbook(tmp_path / "play.yml", plays)
    assert code != 0 and "did not bring the change into force" in out and f"{FILE} is as it was" in out, out
    assert host.mirrors() == [conftest.GCR] and b"data-root" not in host.daemon_json()
    assert not [name for name in host.files() if "~" in name]


def test_live_restore_on_a_swarm_is_refused(settled):
    host = settled
    with host.sdk() as client:
        try:
            client.swarm.init(advertise_addr=host.address)
            result = host.module("daemon_config", settings={"live-restore": True})
            assert result["failed"] and "active node of a swarm" in result["msg"] and host.daemon_json() == TEXT
        finally:
            client.swarm.leave(force=True)


def test_a_flag_for_the_same_setting_is_refused(settled):
    host = settled
    options = text_of(host, "/etc/default/docker")
    host.write("/etc/default/docker", b'DOCKER_OPTS="--max-concurrent-downloads=5"\n')
    try:
        result = host.module("daemon_config", settings={"max-concurrent-downloads": 5})
        assert result["failed"] and "/etc/default/docker, line 1" in result["msg"] and host.daemon_json() == TEXT
    finally:
        host.write("/etc/default/docker", options.encode())

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other settings of daemon.json: applied by a reload if possible, as the engine's event shows, or put back."""

from __future__ import annotations

import json
import re
import time

import pytest

from test_places import may_start_again, restart, text_of

import conftest

from conftest import ENGINES, Host, each, playbook

ROLE = "pullthrough.docker.docker_mirror"
FILE = "/etc/docker/daemon.json"
TEXT = b'{\n    "max-concurrent-uploads" : 4,\n    "log-opts": {"max-size": "9m",\t"max-file": "3"}\n}'


@pytest.fixture(scope="module")
def engines(lab):
    """Yield one host of each engine, which has read a file in an odd style."""
    hosts = [Host(lab, name) for name in ENGINES]
    saved = {host.name: host.daemon_json() for host in hosts}
    settle(hosts)
    yield hosts
    settle(hosts, saved)


@pytest.fixture
def settled(engines):
    """Yield the hosts, and restore them at the end."""
    yield engines
    if any(host.daemon_json() != TEXT for host in engines):
        settle(engines)


def settle(hosts, texts=None):
    def one(host):
        host.write(FILE, texts[host.name] if texts else TEXT)
        restart(host)
        with host.sdk() as client:
            client.containers.get("witness").start()

    each(one, hosts)


def shown(host):
    with host.sdk() as client:
        return client.info()


def snapshot(host):
    """Return everything that a refusal must not change."""
    info = shown(host)
    return [host.daemon_json(), host.engine_pid(), host.witness(), info["RegistryConfig"], info["Debug"]]


def reloads(host, since):
    """Return the attributes of the engine's reload events since then."""
    with host.sdk() as client:
        events = client.events(
            since=since, until=time.time() + 1, filters={"type": "daemon", "event": "reload"}, decode=True
        )
        return [event["Actor"]["Attributes"] for event in events]


def settings_of(hosts, check=False, **options):
    """Call the module daemon_config on all hosts at once."""
    return conftest.modules(hosts, "daemon_config", check=check, **options)


def role(path, hosts, **variables):
    """Run the role on all hosts at once, with restarts allowed."""
    each(may_start_again, hosts)
    variables = {f"docker_mirror_{name}": value for name, value in {"keep_containers": False, **variables}.items()}
    return playbook(
        path / "play.yml",
        [{"hosts": [host.name for host in hosts], "gather_facts": False, "vars": variables, "roles": [ROLE]}],
    )


def test_settings_by_a_reload(settled, prove):
    before, since = each(snapshot, settled), time.time()
    settings = {
        "debug": True,
        "max-concurrent-downloads": 7,
        "insecure-registries": ["r.example:5000"],
        "labels": ["lab=1"],
    }
    predicted = settings_of(settled, check=True, settings=settings)
    assert each(snapshot, settled) == before and all(reloads(host, since) == [] for host in settled)
    for name, result in settings_of(settled, settings=settings).items():
        assert (
            result["changed"]
            and result["reloaded"]
            and predicted[name]["changed_keys"] == result["changed_keys"] == list(settings)
        ), result
        assert result["in_force"] == {
            "debug": True,
            "max-concurrent-downloads": None,
            "insecure-registries": True,
            "labels": True,
        }
    events = {}
    for host in settled:
        info = shown(host)
        assert (
            info["Debug"] is True
            and info["Labels"] == ["lab=1"]
            and "r.example:5000" in info["RegistryConfig"]["IndexConfigs"]
        )
        (events[host.name],) = reloads(host, since)
        assert events[host.name]["max-concurrent-downloads"] == "7"
        assert host.daemon_json().startswith(TEXT[:-2]), "every byte that was there"
    assert not any(result["changed"] for result in settings_of(settled, settings=settings).values())

    # Removed again: the engine keeps some values until the file has the default.
    for result in settings_of(settled, remove=list(settings)).values():
        assert result["changed"] and result["reloaded"], result
    after = each(snapshot, settled)
    assert after == before, "file, engine, container, what is in force"
    assert not any(result["changed"] for result in settings_of(settled, remove=list(settings)).values())
    for host in settled:
        value = {
            "event": events[host.name]["max-concurrent-downloads"],
            "SHA-256 of daemon.json": conftest.sha256(host.daemon_json()),
        }
        prove(host.name, "settings by a reload, and back", value)


def test_what_the_engine_refuses_is_put_back(settled, prove):
    """Only the engine itself finds the wrong value, at the reload."""
    before = each(snapshot, settled)
    for name, result in settings_of(
        settled, settings={"debug": True, "insecure-registries": ["r.example/path"]}
    ).items():
        assert (
            result["failed"]
            and not result["changed"]
            and "r.example/path" in result["msg"]
            and "as they were" in result["msg"]
        ), result["msg"]
        prove(name, "a setting that the engine refuses is put back", {"message": result["msg"]})
    assert each(snapshot, settled) == before


def test_settings_that_take_a_restart(settled, tmp_path, prove):
    before = each(snapshot, settled)
    for result in settings_of(settled, settings={"log-opts": {"max-size": "10m"}}).values():
        assert result["failed"] and "would stop 1 running container" in result["msg"]
    assert each(snapshot, settled) == before

    variables = {"daemon_settings": {"log-opts": {"max-size": "10m"}, "log-level": "warn"}}
    code, counts, out = role(tmp_path, settled, **variables)
    assert code == 0, out
    pids = {host.name: host.engine_pid() for host in settled}
    code, counts, out = role(tmp_path, settled, **variables)
    assert code == 0 and all(count["changed"] == 0 for count in counts.values()), out
    for host in settled:
        assert pids[host.name] == host.engine_pid() != before[host.name][1] and host.mirrors() == [conftest.GCR]
        data = host.daemon_json()
        assert b'"max-size": "10m",\t"max-file": "3"' in data and b'"log-level" : "warn"' in data
        assert not [name for name in host.files() if "~" in name], "no copy is left behind"
        prove(
            host.name,
            "settings by a restart, with the mirrors",
            {"engine": [before[host.name][1], pids[host.name]], "in force": host.mirrors()},
        )


REFUSED = {"log-opts": {"max-size": "11m"}}
"""Settings that need a restart, which the running container prevents."""
OTHER = "https://other.example"


def test_refused_settings_do_not_hide_that_the_mirrors_changed(settled, tmp_path, prove):
    variables = {"urls": [OTHER], "daemon_settings": REFUSED, "keep_containers": True}
    before = each(lambda host: [host.engine_pid(), host.witness()], settled)
    code, counts, out = role(tmp_path, settled, **variables)
    assert code == 2 and all(count["failed"] == 1 and count["changed"] == 1 for count in counts.values()), out
    assert each(lambda host: [host.engine_pid(), host.witness()], settled) == before
    messages = re.findall(r'"msg": "(The registry mirrors changed and stay changed.*)"', out)
    assert len(messages) == len(settled) and "Nothing was changed" not in "".join(messages), out
    for host, message in zip(settled, messages):
        assert f"{OTHER}/" in host.mirrors() and b"11m" not in host.daemon_json()
        assert (
            f"in force {' '.join(host.mirrors())} (was: " in message and "docker_mirror_keep_containers" in message
        ), message
        assert "docker_mirror_daemon_settings" in message, message
        prove(host.name, "settings that are refused after the mirrors changed", {"message": message})

    code, counts, out = role(tmp_path, settled, **variables)
    assert code == 2 and all(count["failed"] == 1 and count["changed"] == 0 for count in counts.values()), out
    assert "The registry mirrors changed" not in out and "Nothing was changed" in out, "which is now true"


def test_the_summary_of_a_fleet_names_hosts_that_changed_before_they_failed(settled, tmp_path):
    names = [host.name for host in settled]
    declared = {"docker_mirror_urls": [OTHER], "docker_mirror_daemon_settings": REFUSED, "configure_left_file": ""}
    arguments = ["--limit", ",".join(names), "-e", json.dumps({**declared, "configure_waves": ["100%"]})]
    code, _counts, out = conftest.run_playbook("pullthrough.docker.configure", *arguments)
    assert code != 0 and f"refused {len(names)}, " in out and f"reloads {len(names)}, " in out, out
    assert f"{len(names)} of the refused hosts changed before the failure: {', '.join(names)}." in out, out
    assert all(f"{OTHER}/" in host.mirrors() for host in settled)


def test_settings_that_prevent_the_start_are_put_back(settled, tmp_path):
    """The mirror is in force after a reload and stays in the file, while the setting is put back."""
    code, counts, out = role(tmp_path, settled, daemon_settings={"data-root": "/proc/no"}, restart_timeout=15)
    assert code != 0 and all(count["failed"] == 1 for count in counts.values()), out
    assert out.count("The change did not take effect") >= len(settled) and f"The role restored {FILE}" in out, out
    for host in settled:
        assert host.mirrors() == [conftest.GCR] and b"data-root" not in host.daemon_json()
        assert not [name for name in host.files() if "~" in name]


def test_live_restore_on_a_swarm_is_refused(settled):
    host = settled[0]
    with host.sdk() as client:
        try:
            client.swarm.init(advertise_addr=host.address)
            result = host.module("daemon_config", settings={"live-restore": True})
            assert result["failed"] and "active node of a swarm" in result["msg"] and host.daemon_json() == TEXT
        finally:
            client.swarm.leave(force=True)


def test_a_flag_for_the_same_setting_is_refused(settled):
    options = {host.name: text_of(host, "/etc/default/docker") for host in settled}
    for host in settled:
        host.write("/etc/default/docker", b'DOCKER_OPTS="--max-concurrent-downloads=5"\n')
    try:
        for result in settings_of(settled, settings={"max-concurrent-downloads": 5}).values():
            assert result["failed"] and "/etc/default/docker, line 1" in result["msg"]
    finally:
        for host in settled:
            host.write("/etc/default/docker", options[host.name].encode())

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Engines that need a restart, that have the flag, that are stopped, or that are not installed."""

from __future__ import annotations

import contextlib
import json

import docker
import pytest

import conftest

from conftest import ENGINES, Host, playbook, wait_until

ROLE = "pullthrough.docker.docker_mirror"
NEW = "https://new.example"
REFUSED = "https://refused.example"
DROP_IN = "/etc/systemd/system/docker.service.d/lab.conf"


ON_EACH = {"test_a_restart_needs_consent_and_then_comes_into_force", "test_the_same_setting_as_a_flag_is_refused"}
"""Tests that run on every engine, since each generation differs. Each other test runs on one engine, in turn."""


def pytest_generate_tests(metafunc):
    if "host" in metafunc.fixturenames:
        test = metafunc.function.__name__
        tests = [name for name in metafunc.module.__dict__ if name.startswith("test_")]
        one = [ENGINES[tests.index(test) % len(ENGINES)]]
        metafunc.parametrize("host", ENGINES if conftest.WHOLE or test in ON_EACH else one, indirect=True)


@pytest.fixture
def host(request, lab):
    return Host(lab, request.param)


@contextlib.contextmanager
def engine_with(host, *flags, pre=None, settings=None):
    """Run the engine with flags in a drop-in, a command before its start and settings in its file, then restore it."""
    data = host.daemon_json()
    start = host.run("sh", "-c", "systemctl cat docker.service | sed -n 's/^ExecStart=//p'").decode().splitlines()[0]
    lines = [
        "[Service]",
        *([f"ExecStartPre={pre}"] if pre else []),
        "ExecStart=",
        f"ExecStart={start} {' '.join(flags)}",
    ]
    host.write(DROP_IN, "\n".join(lines).encode())
    host.write_daemon_json(json.dumps(settings or {}, indent=2).encode() + b"\n")
    restart(host)
    try:
        yield
    finally:
        host.write(DROP_IN, None)
        host.write_daemon_json(data)
        restart(host)


def restart(host):
    """Restart the engine without systemd's start limit, and start the container that has no restart policy."""
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "reset-failed", "docker.service", "docker.socket")
    host.run("systemctl", "restart", "docker.service")
    with host.sdk() as client:
        wait_until(client.ping)
        # With the other image store, an engine does not have this container.
        with contextlib.suppress(docker.errors.NotFound):
            client.containers.get("witness").start()


@pytest.fixture
def plugin(host):
    host.write("/root/plugin.py", conftest.PLUGIN.read_bytes())
    host.run("systemd-run", "--unit=lab-plugin", "python3", "/root/plugin.py", "/run/docker/plugins/lab.sock")
    wait_until(lambda: host.run("sh", "-c", "ls /run/docker/plugins 2>/dev/null || true") == b"lab.sock\n")
    yield "--authorization-plugin=lab"
    host.run("systemctl", "stop", "lab-plugin")
    host.run("rm", "-f", "/run/docker/plugins/lab.sock")


def declare(path, host, mirror, **variables):
    """Run the role on this host only."""
    variables = {f"docker_mirror_{name}": value for name, value in variables.items()}
    plays = [
        {
            "hosts": host.name,
            "gather_facts": False,
            "vars": {"docker_mirror_urls": [mirror], **variables},
            "roles": [ROLE],
        }
    ]
    return playbook(path / "play.yml", plays)


def test_a_restart_needs_consent_and_then_comes_into_force(host, plugin, tmp_path, prove):
    with engine_with(host, plugin):
        before, pid, files = host.daemon_json(), host.engine_pid(), host.files()
        code, _counts, out = declare(tmp_path, host, NEW)
        assert code != 0 and "would stop 1 running container" in out and "keep_containers: false" in out
        assert (host.daemon_json(), host.engine_pid(), host.mirrors()) == (before, pid, [])
        assert host.witness()["running"]

        predicted = host.module(mirrors=[NEW], keep_containers=False, check=True)
        assert predicted["changed"] and predicted["pending"] == "restart" and host.engine_pid() == pid

        code, counts, out = declare(tmp_path, host, NEW, keep_containers=False)
        assert code == 0, out
        assert host.engine_pid() != pid and host.mirrors() == [f"{NEW}/"]
        assert host.files() == files, "no copy is left behind"
        again, pid = declare(tmp_path, host, NEW, keep_containers=False), host.engine_pid()
        assert again[1][host.name]["changed"] == 0 and host.engine_pid() == pid
        prove(
            host.name,
            "a restart where only a restart helps",
            {"in force": host.mirrors(), "tasks changed": counts[host.name]["changed"]},
        )


def test_live_restore_keeps_containers_through_the_restart(host, plugin, tmp_path, prove):
    with engine_with(host, plugin, settings={"live-restore": True}):
        pid, before = host.engine_pid(), host.witness()
        code, _counts, out = declare(tmp_path, host, NEW)
        assert code == 0, out
        assert host.engine_pid() != pid and host.mirrors() == [f"{NEW}/"]
        assert host.witness() == before
        prove(host.name, "a container through a restart with live-restore", {"before": before, "after": host.witness()})


def test_a_restart_that_fails_is_put_back(host, plugin, tmp_path, prove):
    """The engine does not start with this mirror, for a reason that no check can find beforehand."""
    with engine_with(host, plugin, pre=f"/bin/sh -c '! grep -q {REFUSED} /etc/docker/daemon.json'"):
        before, files = host.daemon_json(), host.files()
        code, _counts, out = declare(tmp_path, host, REFUSED, keep_containers=False)
        assert code != 0
        assert "The role restored /etc/docker/daemon.json" in out and "Fix the cause" in out
        assert (host.daemon_json(), host.files(), host.mirrors()) == (before, files, [])
        hashes = {"before": conftest.sha256(before), "after": conftest.sha256(host.daemon_json())}
        prove(
            host.name,
            "a restart that fails is put back",
            {"in force": host.mirrors(), "SHA-256 of daemon.json": hashes},
        )


def test_an_engine_that_no_longer_starts_is_reported_as_down(host, plugin, tmp_path):
    with engine_with(host, plugin, pre="/bin/sh -c 'test ! -e /run/broken'"):
        before = host.daemon_json()
        host.run("touch", "/run/broken")
        try:
            code, _counts, out = declare(tmp_path, host, NEW, keep_containers=False)
        finally:
            host.run("rm", "/run/broken")
        assert (
            code != 0
            and "THE ENGINE IS DOWN" in out
            and "journalctl -u docker" in out
            and "so the change is not the cause" in out
        ), out
        assert host.daemon_json() == before


def test_a_restart_does_not_apply_the_unfinished_change_of_someone_else(host, plugin):
    with engine_with(host, plugin, settings={"live-restore": True}):
        pid = host.engine_pid()
        edited = b'{\n  "live-restore": true,\n  "data-root": "/mnt/new",\n  "debug": true\n}\n'
        host.write_daemon_json(edited)
        result = host.module(mirrors=[NEW])
        assert (
            result["failed"]
            and "/etc/docker/daemon.json, line 3: data-root is /mnt/new, and the engine uses /var/lib/docker"
            in result["msg"]
        )
        assert (host.daemon_json(), host.engine_pid(), host.mirrors()) == (edited, pid, [])
        host.write_daemon_json(b'{"live-restore": true}')
        with options(host, 'DOCKER_OPTS="--log-level=warn"\n'):
            result = host.module(mirrors=[NEW])
            assert result["failed"] and "the command line gains --log-level=warn" in result["msg"]
            assert (host.daemon_json(), host.engine_pid(), host.mirrors()) == (b'{"live-restore": true}', pid, [])
        assert host.module(mirrors=[NEW], check=True)["pending"] == "restart"
    with engine_with(host):
        host.write_daemon_json(b'{\n  "debug": true\n}\n')
        result = host.module(mirrors=[NEW])
        assert result["changed"] and "line 2: debug is True, and the engine uses False" in result["output"]
        with host.sdk() as client:
            assert client.info()["Debug"] is True, "the setting is applied"


def test_the_same_setting_as_a_flag_is_refused(host):
    with engine_with(host, f"--registry-mirror={NEW}"):
        before, pid = host.daemon_json(), host.engine_pid()
        assert host.mirrors() == [f"{NEW}/"]
        line = host.run("grep", "-n", "registry-mirror", DROP_IN).decode().partition(":")[0]
        for check in (True, False):
            result = host.module(mirrors=["https://mirror.gcr.io"], check=check)
            assert result["failed"] and not result["changed"]
            assert f"process {pid}" in result["msg"] and f"{DROP_IN}, line {line}" in result["msg"]
        assert (host.daemon_json(), host.engine_pid(), host.mirrors()) == (before, pid, [f"{NEW}/"])
        info = host.module("registry_mirrors_info")
        assert info["mirrors"] == info["in_force"] == [f"{NEW}/"] and info["drift"] is False
        place = {
            "source": "systemd_drop_in",
            "path": DROP_IN,
            "line": int(line),
            "mirrors": [f"{NEW}/"],
            "reason": None,
        }
        assert info["sources"][1:] == [place]


@contextlib.contextmanager
def options(host, text):
    """Yield an options file that the next start will read, and the running engine has not read."""
    saved = host.run("cat", "/etc/default/docker")
    host.write("/etc/default/docker", text.encode())
    try:
        yield
    finally:
        host.write("/etc/default/docker", saved)


def test_a_flag_that_only_the_next_start_has_is_refused(host, prove):
    before, pid = host.daemon_json(), host.engine_pid()
    with options(host, f'# Options\nDOCKER_OPTS="--registry-mirror={NEW}"\n'):
        result = host.module(mirrors=["https://mirror.gcr.io"])
        assert result["failed"] and not result["changed"] and "/etc/default/docker, line 2" in result["msg"]
        info = host.module("registry_mirrors_info")
        assert info["mirrors"] == [f"{NEW}/"] and info["drift"] is True
        host.run("systemctl", "stop", "docker.service")
        stopped = host.module(mirrors=["https://mirror.gcr.io"])
        assert stopped["failed"] and "/etc/default/docker, line 2" in stopped["msg"]
        # This is the reason for the refusal: the engine does not start.
        host.write_daemon_json(b'{"registry-mirrors": ["https://mirror.gcr.io"]}')
        host.run("systemctl", "start", "docker.service", check=False)
        assert host.run("systemctl", "is-active", "docker.service", check=False) != b"active\n"
        host.write_daemon_json(before)
    restart(host)
    assert host.engine_pid() != pid and host.mirrors() == []
    prove(host.name, "a flag that only the next start has is refused", {"message": result["msg"]})


def test_a_reference_that_systemd_does_not_expand_is_named(host):
    before = host.daemon_json()
    with options(host, '# Options\nDOCKER_OPTS="${DOCKER_OPTS} --debug"\n'):
        info = host.module("registry_mirrors_info")
        assert [conflict["places"] for conflict in info["conflicts"]] == [["/etc/default/docker, line 2"]]
        result = host.module(mirrors=[NEW])
        assert (
            result["changed"] and "[WARNING]" in result["output"] and "/etc/default/docker, line 2" in result["output"]
        )
        host.run("systemctl", "restart", "docker.service", check=False)
        assert host.run("systemctl", "is-active", "docker.service", check=False) != b"active\n", "it is true"
    host.write_daemon_json(before)
    restart(host)


@pytest.mark.parametrize(
    ("key", "text", "flag"),
    [("insecure-registries", '["10.0.0.0/8"]', "--insecure-registry=10.0.0.0/8"), ("hosts", '["fd://"]', "")],
)
def test_other_settings_in_two_places_are_refused(host, key, text, flag):
    before, in_force = host.daemon_json(), host.mirrors()
    try:
        with options(host, f'DOCKER_OPTS="{flag}"\n'):
            host.write_daemon_json(f'{{\n  "{key}": {text}\n}}\n'.encode())
            result = host.module(mirrors=[NEW])
            assert result["failed"] and f"{key} in /etc/docker/daemon.json, line 2" in result["msg"], result["msg"]
            assert host.mirrors() == in_force
    finally:
        host.write_daemon_json(before)


HOSTS_TOML = "/etc/docker/certs.d/docker.io/hosts.toml"


@pytest.mark.parametrize(("name", "warned"), [("engine-26.1", False), ("engine-28.5", True)])
def test_warnings_about_mirrors_that_are_not_used_or_not_safe(lab, name, warned):
    host = Host(lab, name)
    with engine_with(host, settings={"features": {"containerd-snapshotter": True}}):
        host.write(HOSTS_TOML, b'\n[host."https://other.example"]\n')
        try:
            result = host.module(mirrors=["https://127.0.0.1:5000"])
            info = host.module("registry_mirrors_info")
        finally:
            host.run("rm", "-r", "/etc/docker/certs.d")
        assert result["in_force"] == info["in_force"] == ["https://127.0.0.1:5000/"]
        for answer in (result, info):
            assert answer["engine"]["image_store"] == "containerd"
            assert (f"{HOSTS_TOML}, line 2" in answer["output"]) is warned
            assert ("is on this host" in answer["output"]) is warned


def test_a_stopped_engine_stays_stopped(host):
    before = host.daemon_json()
    host.run("systemctl", "stop", "docker.service")
    try:
        assert host.run("systemctl", "is-active", "docker.socket", check=False) == b"active\n", (
            "it would be started by a connection"
        )
        info = host.module("registry_mirrors_info")
        assert info["engine"]["state"] == "stopped" and info["in_force"] is None and info["drift"] is None
        predicted = host.module(mirrors=[NEW], check=True)
        result = host.module(mirrors=[NEW])
        assert result["changed"] and predicted["changed"] and result["pending"] == "none" and result["in_force"] is None
        assert f'"{NEW}"'.encode() in host.daemon_json()
        assert host.run("systemctl", "is-active", "docker.service", check=False) == b"inactive\n"
    finally:
        with_new = host.daemon_json()
        restart(host)
    assert with_new is not None and f"{NEW}/" in host.mirrors(), "the next start reads it"
    host.write_daemon_json(before)
    restart(host)


def test_a_host_without_docker(lab, tmp_path):
    """This test is the last one, because it removes the engine's package from one host."""
    host = Host(lab, "engine-28.5-bare")
    host.run("sh", "-c", "dpkg --remove --force-depends docker.io 2>&1 && rm -rf /etc/docker")
    info = host.module("registry_mirrors_info")
    assert info["engine"]["state"] == "absent" and info["in_force"] is None
    plays = [{"hosts": host.name, "gather_facts": False, "roles": [ROLE]}]
    code, counts, out = playbook(tmp_path / "play.yml", plays, "--check")
    assert code == 0 and counts[host.name]["changed"] == 1, out
    assert host.daemon_json() is None
    assert host.module(mirrors=["ftp://mirror.example"], check=True)["failed"]
    code, counts, out = playbook(tmp_path / "play.yml", plays)
    assert code == 0 and counts[host.name]["changed"] == 1, out
    assert json.loads(host.daemon_json()) == {"registry-mirrors": ["https://mirror.gcr.io"]}

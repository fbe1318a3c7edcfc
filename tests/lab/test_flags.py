# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mirror flags in places that the modules do not edit: they report file and line, and add no second place.

An engine with the flag and registry-mirrors in its file does not start, so each case ends with a start of a stopped
engine. All engines run at once.
"""

from __future__ import annotations

import contextlib
import json

import pytest

from test_places import FILE, may_start_again, restart, text_of

from conftest import GCR, each, with_modules

OLD = "https://old.example"
OPTIONS = "/etc/default/docker"
DROP_IN = "/etc/systemd/system/docker.service.d/50-lab.conf"
SCRIPT = "/usr/local/bin/start-engine"
DOCKERD = "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock"

STRAY = {
    # name: (files, the place of the flag)
    "continued lines of Environment, as Kubespray writes them": (
        {
            DROP_IN: (
                '[Service]\nEnvironment="DOCKER_OPTS= --iptables=true \\\n--insecure-registry=10.233.0.0/18  \\\n'
                f'--registry-mirror={OLD}  \\\n--log-opt max-size=50m \\\n"\n'
            )
        },
        f"{DROP_IN}, line 4",
    ),
    "Environment on one line": (
        {DROP_IN: f'[Service]\nEnvironment="DOCKER_OPTS=--registry-mirror={OLD}"\n'},
        f"{DROP_IN}, line 2",
    ),
    "a variable in braces": (
        {
            OPTIONS: f"# Options\nDOCKER_MIRROR=--registry-mirror={OLD}\n",
            DROP_IN: f"[Service]\nExecStart=\nExecStart={DOCKERD} ${{DOCKER_MIRROR}}\n",
        },
        f"{OPTIONS}, line 2",
    ),
    "quoted words": (
        {DROP_IN: f'[Service]\nExecStart=\nExecStart={DOCKERD} --label "role=build node" "--registry-mirror={OLD}"\n'},
        f"{DROP_IN}, line 3",
    ),
    "options files by a pattern": (
        {
            "/etc/default/docker-mirror.env": f"MIRRORS='--registry-mirror={OLD}'\n",
            DROP_IN: (
                f"[Service]\nEnvironmentFile=/etc/default/docker-*.env\nExecStart=\nExecStart={DOCKERD} ${{MIRRORS}}\n"
            ),
        },
        "/etc/default/docker-mirror.env, line 1",
    ),
    "a script that starts the engine": (
        {
            SCRIPT: f"#!/bin/sh\n# Starts the engine\nexec {DOCKERD} --registry-mirror={OLD}\n",
            DROP_IN: f"[Service]\nExecStart=\nExecStart={SCRIPT}\n",
        },
        f"{SCRIPT}, line 3",
    ),
}

SECOND_START = f"[Service]\nExecStart={DOCKERD}\n"


@pytest.fixture(scope="module")
def installed(lab, tmp_path_factory):
    """Return one host of each engine, with the modules installed."""
    return with_modules(lab, tmp_path_factory)


def modules(hosts, name="registry_mirrors", *, check=False, **options):
    """Run a module on all hosts at once, and return its results by host."""
    return each(lambda host: host.execute(name, _ansible_check_mode=check, **options), hosts)


@pytest.fixture
def hosts(installed):
    """Yield one host of each engine, without a file, and without the container, whose end would delay each restart."""
    hosts = installed
    saved = {host.name: (host.daemon_json(), text_of(host, OPTIONS)) for host in hosts}

    def begin(host):
        host.run("docker", "kill", "witness")
        host.write(FILE, None)

    def end(host):
        data, options = saved[host.name]
        host.write(OPTIONS, options.encode())
        host.write(FILE, data)
        restart(host)
        host.run("docker", "start", "witness")

    try:
        each(begin, hosts)
        yield hosts
    finally:
        each(end, hosts)


@contextlib.contextmanager
def with_files(hosts, files):
    """Restart the engines with these files, and remove the files at the end."""

    def make(host):
        for path, text in files.items():
            host.write(path, text.encode())
        if SCRIPT in files:
            host.run("chmod", "755", SCRIPT)
        restart(host)

    def unmake(host):
        for path in files:
            host.write(path, b"" if path == OPTIONS else None)

    try:
        each(make, hosts)
        yield
    finally:
        each(unmake, hosts)


def stop(host):
    host.run("systemctl", "stop", "docker.service")


def starts(host):
    """Try to start the engine, and return whether it runs."""
    may_start_again(host)
    host.run("systemctl", "start", "docker.service", check=False)
    return host.run("systemctl", "is-active", "docker.service", check=False) == b"active\n"


def refused(hosts, place, name="registry_mirrors", *, checks=(True, False), **options):
    """Check that the module refuses and names the place, in check mode and for real, and writes nothing."""
    before = {host.name: (host.daemon_json(), text_of(host, DROP_IN), text_of(host, OPTIONS)) for host in hosts}
    for check in checks:
        for host, result in modules(hosts, name, check=check, **options).items():
            assert result.get("failed") and not result["changed"], (host, result)
            assert place in result["msg"] and "Nothing was changed" in result["msg"], (host, result["msg"])
    assert {host.name: (host.daemon_json(), text_of(host, DROP_IN), text_of(host, OPTIONS)) for host in hosts} == before


@pytest.mark.parametrize(("files", "place"), STRAY.values(), ids=STRAY)
def test_a_flag_in_a_place_that_is_not_edited(hosts, files, place):
    with with_files(hosts, files):
        for host, report in modules(hosts, "registry_mirrors_info").items():
            assert report["in_force"] == report["mirrors"] == [f"{OLD}/"] and report["drift"] is False, (host, report)
            listed = [f"{source['path']}, line {source['line']}" for source in report["sources"] if source["mirrors"]]
            assert listed == [place], (host, report["sources"])
        refused(hosts, place, mirrors=[GCR])
        refused(hosts, place, checks=[False], mirrors=[OLD], state="absent", migrate=True)
        for host, result in modules(hosts, mirrors=[GCR], state="absent").items():
            assert (result.get("failed"), result["changed"], result["pending"]) == (None, False, "none"), (host, result)

        each(stop, hosts)
        refused(hosts, place, checks=[False], mirrors=[GCR], migrate=True)
        assert all(each(starts, hosts).values())
        for host in hosts:
            assert host.mirrors() == [f"{OLD}/"]


def test_a_key_beside_a_stray_flag_is_a_conflict(hosts):
    """Someone wrote the key after the start, so the engine will not start again."""
    files, place = STRAY["Environment on one line"]
    with with_files(hosts, files):
        for host in hosts:
            host.write(FILE, json.dumps({"registry-mirrors": [GCR]}).encode())
        try:
            for host, report in modules(hosts, "registry_mirrors_info").items():
                (conflict,) = report["conflicts"]
                assert conflict["setting"] == "registry-mirrors" and conflict["places"] == [f"{FILE}, line 1", place], (
                    host,
                    conflict,
                )
            refused(hosts, place, mirrors=[GCR])
        finally:
            for host in hosts:
                host.write(FILE, None)


def test_another_key_beside_a_flag_in_environment(hosts):
    """This holds for every key that a module is about to write."""
    files = {DROP_IN: '[Service]\nEnvironment="DOCKER_OPTS=--debug --label \\"a b=c\\""\n'}
    with with_files(hosts, files):
        refused(hosts, f"{DROP_IN}, line 2", "daemon_config", settings={"debug": False})
        each(stop, hosts)
        refused(hosts, f"{DROP_IN}, line 2", "daemon_config", settings={"debug": False})
        assert all(each(starts, hosts).values())


def test_a_unit_that_systemd_will_not_start(hosts):
    """The unit has a second ExecStart= without an empty one before it. A reload works, a restart is refused."""
    try:
        for host in hosts:
            host.write(DROP_IN, SECOND_START.encode())
            host.run("systemctl", "daemon-reload")
        for host, report in modules(hosts, "registry_mirrors_info").items():
            assert any(f"{DROP_IN}, line 2" in conflict["places"] for conflict in report["conflicts"]), (
                host,
                report["conflicts"],
            )
        refused(hosts, f"{DROP_IN}, line 2", "daemon_config", settings={"exec-opts": []}, keep_containers=False)
        pids = {host.name: host.engine_pid() for host in hosts}
        for host, result in modules(hosts, mirrors=[GCR]).items():
            assert result["changed"] and result["reloaded"], (host, result)
            warnings = json.dumps(result["warnings"])
            assert f"{DROP_IN}, line 2" in warnings and "will fail at its next start" in warnings
        assert {host.name: host.engine_pid() for host in hosts} == pids
        for host in hosts:
            assert host.mirrors() == [GCR]
            host.write(FILE, None)
            host.write(DROP_IN, f"[Service]\nExecStart={DOCKERD} --registry-mirror={OLD}\n".encode())
            host.run("systemctl", "daemon-reload")
        refused(hosts, f"{DROP_IN}, line 2", mirrors=[GCR])
        for result in modules(hosts, mirrors=[GCR]).values():
            assert "migrate: true" not in result["msg"]
    finally:
        for host in hosts:
            host.write(FILE, None)
            host.write(DROP_IN, None)
        each(restart, hosts)

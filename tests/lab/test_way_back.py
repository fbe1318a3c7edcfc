# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk is full from the n-th rename on. What the module says is compared with the files and the engine.

strace makes the module's renames fail, including those that put files back. All engines run at once.
"""

from __future__ import annotations

import json

import pytest

from test_places import FILE, OPTIONS, restart, text_of

import conftest

from conftest import each, wait_until

OLD, NEW = "https://old.example", "https://new.example"
REFUSED = "ftp://refused.example"
WITH_OLD = json.dumps({"registry-mirrors": [OLD], "max-concurrent-uploads": 4}, indent=1)
WITHOUT = json.dumps({"max-concurrent-uploads": 4}, indent=1)
FLAG = f'# Options\nDOCKER_OPTS="--registry-mirror={OLD}"\n'

KINDS = {
    # name: (daemon.json, options file, options of the module, folder of the module on the host)
    "absent": (WITH_OLD, "", {"mirrors": [OLD], "state": "absent"}, "/opt/lab"),
    "present, which the engine refuses": (WITH_OLD, "", {"mirrors": [REFUSED]}, "/opt/unchecked"),
    "migrate": (
        WITHOUT,
        FLAG,
        {"mirrors": [NEW], "migrate": True, "keep_containers": False, "backup": True},
        "/opt/lab",
    ),
}


@pytest.fixture(scope="module")
def installed(lab, tmp_path_factory):
    """Return one host of each engine, with the modules installed."""
    copies = {"/opt/lab": conftest.collection, "/opt/unchecked": conftest.collection_without_checks}
    return conftest.with_modules(lab, tmp_path_factory, copies)


@pytest.fixture
def hosts(installed):
    """Yield one host of each engine, and restore it at the end."""
    saved = {host.name: (host.daemon_json(), text_of(host, OPTIONS)) for host in installed}
    try:
        each(lambda host: host.run("docker", "kill", "witness"), installed)
        yield installed
    finally:

        def end(host):
            data, options = saved[host.name]
            host.write(OPTIONS, options.encode())
            host.write(FILE, data)
            host.run("sh", "-c", "rm -f /etc/docker/*~ /etc/default/docker.*~")
            restart(host)
            host.run("docker", "start", "witness")

        each(end, installed)


def in_force(host):
    return host.info()["RegistryConfig"]["Mirrors"] or []


def snapshot(host):
    """Return everything that the module can change, read from the host and the engine."""
    folders = host.run("sh", "-c", "ls -A /etc/docker /etc/default").decode()
    return {FILE: text_of(host, FILE), OPTIONS: text_of(host, OPTIONS), "in force": in_force(host), "folders": folders}


def begin(host, daemon_json, options):
    """Restore the initial state of each run."""
    host.write(FILE, daemon_json.encode())
    host.write(OPTIONS, options.encode())
    host.run(
        "sh", "-c", "rm -f /etc/docker/*~ /etc/default/docker.*~ /etc/docker/.pullthrough-* /etc/default/.pullthrough-*"
    )
    if in_force(host) != [f"{OLD}/"]:
        host.run("systemctl", "reload", "docker")
        wait_until(lambda: in_force(host) == [f"{OLD}/"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_message_is_true(hosts, kind):
    daemon_json, options, arguments, folder = KINDS[kind]

    def make(host):
        host.write(FILE, daemon_json.encode())
        host.write(OPTIONS, options.encode())
        restart(host)

    def runs(host):
        """Return the untrue statements of the runs on one host, and how many runs failed."""
        lies, failed = [], 0
        for first in range(1, 6):
            begin(host, daemon_json, options)
            before = snapshot(host)
            inject = f"inject=rename,renameat,renameat2:error=ENOSPC:when={first}+"
            under = ["strace", "-o", "/dev/null", "-e", "trace=rename,renameat,renameat2", "-e", inject]
            result = host.execute(folder=folder, under=under, timeout=5, **arguments)
            after, message = snapshot(host), result.get("msg", "")
            if not result.get("failed"):
                continue
            failed += 1
            different = [what for what in before if before[what] != after[what]]
            if not result["changed"]:
                lies += [(first, message, different)] if different else []
                continue
            for what in {FILE, OPTIONS}.intersection(different):
                if f"{what} is neither" not in message and f"{what} is as wanted" not in message:
                    lies.append((first, message, what))
            if "in force" in different and "the engine is as before" in message:
                lies.append((first, message, "in force"))
            if kind.startswith("present") and "invalid mirror" not in message:
                lies.append((first, message, "the engine's own refusal is lost"))
        return lies, failed

    each(make, hosts)
    for name, (lies, failed) in each(runs, hosts).items():
        assert failed >= 2, (name, "strace made no rename fail")
        assert not lies, (name, lies)

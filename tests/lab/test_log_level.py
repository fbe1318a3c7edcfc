# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canary never calls a dead mirror "served", whatever the engine writes to its log. Classic image stores."""

from __future__ import annotations

import json

import pytest

from test_canary import forget
from test_places import restart

import conftest

from conftest import ENGINES, GCR, Host, each

DEAD = "https://nowhere.invalid/"
DEAD_HERE = "http://127.0.0.1:15000/"
DROP_IN = "/etc/systemd/system/docker.service.d/lab.conf"
FILE = "/etc/docker/daemon.json"
HUB = "registry-1.docker.io"

LEVELS = {
    # name: (flag at the start, level in the file at the start, level in the file later, whether info lines are written)
    "no level": (None, None, None, True),
    "info": (None, "info", "info", True),
    "Debug": (None, "Debug", "Debug", True),
    "trace": (None, "trace", "trace", True),
    "warning": (None, "warning", "warning", False),
    "warn": (None, "warn", "warn", False),
    "ERROR": (None, "ERROR", "ERROR", False),
    "fatal": (None, "fatal", "fatal", False),
    "panic": (None, "panic", "panic", False),
    "flag": ("--log-level=warning", None, None, False),
    "short flag": ("-l error", None, None, False),
    "flag for info": ("--log-level info", None, None, True),
    "file changed to info, no restart": (None, "warning", "info", False),
    "level removed from the file, no restart": (None, "error", None, False),
    "file changed to warning, no restart": (None, None, "warning", True),
}

NIGHTLY = ["info", "trace", "warn", "panic", "short flag", "flag for info", "level removed from the file, no restart"]
TRIED = {name: level for name, level in LEVELS.items() if conftest.WHOLE or name not in NIGHTLY}


@pytest.fixture(scope="module")
def engines(lab):
    """Yield one host of each engine, and restore its file at the end."""
    hosts = [Host(lab, name) for name in ENGINES]
    before = {host.name: host.daemon_json() for host in hosts}
    yield hosts

    def put_back(host):
        host.write(DROP_IN, None)
        host.write(FILE, before[host.name])
        restart(host)
        host.run("docker", "start", "witness")

    each(put_back, hosts)


def configuration(host, level, mirrors):
    return json.dumps({"registry-mirrors": mirrors, **({"log-level": spelled(host, level)} if level else {})}).encode()


def spelled(host, text):
    """Return a level as this engine spells it. Only the oldest engine accepts warning; later ones accept warn."""
    return text if host.name == "engine-20.10" else text.replace("warning", "WARN")


def start(hosts, flag, level, mirrors):
    def one(host):
        command = host.run("sed", "-n", "s/^ExecStart=//p", "/lib/systemd/system/docker.service").decode().strip()
        drop_in = f"[Service]\nExecStart=\nExecStart={command} {spelled(host, flag)}\n".encode() if flag else None
        host.write(DROP_IN, drop_in)
        host.write(FILE, configuration(host, level, mirrors))
        restart(host)

    each(one, hosts)


def canary(hosts):
    forget(hosts, "alpine")
    results = conftest.modules(hosts, "registry_mirrors_canary", images=["alpine"], timeout=4)
    return {name: result["images"][0] for name, result in results.items()}


@pytest.mark.parametrize(("flag", "at_start", "afterwards", "writes_info"), TRIED.values(), ids=TRIED)
def test_a_dead_mirror_is_never_called_served(engines, prove, request, flag, at_start, afterwards, writes_info):
    start(engines, flag, at_start, [DEAD])
    each(lambda host: host.write(FILE, configuration(host, afterwards, [DEAD])), engines)
    for name, found in canary(engines).items():
        expected = ("fell_through", HUB) if writes_info else ("unknown", None)
        assert found["pulled"] and (found["used"], found["by"]) == expected, (name, found)
        prove(name, f"dead mirror, {request.node.callspec.id}", {key: found[key] for key in ("used", "reason")})


def test_a_dead_mirror_on_the_host_itself_is_never_called_served(engines):
    """The address begins like that of the registry that marks the end of the log."""
    start(engines, None, None, [DEAD_HERE])
    for name, found in canary(engines).items():
        assert (found["used"], found["by"]) == ("fell_through", HUB) and found["evidence"], (name, found)


def test_a_reload_that_turns_debug_on_and_off_also_changes_the_level(engines):
    """Started with warning, an engine writes debug lines with debug: true, and info lines once it is false again."""
    start(engines, None, "warning", [GCR])
    for debug, expected in ((None, "unknown"), (True, "served"), (False, "served")):
        if debug is not None:
            conftest.modules(engines, "daemon_config", settings={"debug": debug})
        for name, found in canary(engines).items():
            assert found["used"] == expected, (name, debug, found)

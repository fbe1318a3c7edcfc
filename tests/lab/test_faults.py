# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each fault of faults.py on real engines: how the run ends, and that the user loses nothing.

``make faults`` sets WHOLE=yes: it tries each fault on each engine. Without it, a fault that must end the same on all
engines is tried on one of them, and the next fault on the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time

import faults
import pytest
import yaml

from faults import BASE, FAULTS, NEW, OLD, WRITTEN

import conftest

from conftest import ROOT, WHOLE, each, wait_until

ROWS = ROOT / "build/faults.json"


@pytest.fixture(scope="module")
def hosts(lab, tmp_path_factory):
    copies = {"/opt/lab": conftest.collection, "/opt/unchecked": conftest.collection_without_checks}
    return conftest.with_modules(lab, tmp_path_factory, copies)


@pytest.fixture(scope="module")
def rows():
    """Yield the results by fault and host. The table in the documentation is made from them."""
    ROWS.unlink(missing_ok=True)
    store = conftest.Store(ROWS)
    yield store
    store.save()


def in_force(host):
    return host.info()["RegistryConfig"]["Mirrors"] or []


def reset(host):
    """Restore the initial state of every fault: the odd file, the old mirror in force, no start limit of systemd."""
    host.write_daemon_json(BASE)
    host.run("chmod", "640", host.file)
    host.run("systemctl", "reset-failed", "docker.service", "docker.socket")
    if in_force(host) != [f"{OLD}/"]:
        host.run("systemctl", "reload", "docker.service")
        wait_until(lambda: in_force(host) == [f"{OLD}/"])


def choice(value, host):
    """Return a value that may differ by engine."""
    if isinstance(value, str):
        return value
    return next(text for version, text in value.items() if host.name.endswith(version))


def go_through(fault, host):
    """Try one fault on one host, and return its row of the table."""
    reset(host)
    witness = host.container_process("witness")
    breaking = fault.breaks(host)
    next(breaking)
    try:
        before = host.state()
        began = time.monotonic()
        result = fault.run(host, **fault.options)
        seconds = time.monotonic() - began
        after = host.state()
    finally:
        assert next(breaking, "over") == "over"
    wait_until(host.answers, 60)
    ends, message = choice(fault.ends, host), result.get("msg", "")

    mirrors, file = in_force(host), host.daemon_json()
    if ends in ("refused", "overtaken", "put back"):
        assert result.get("failed"), result
        assert mirrors == [f"{OLD}/"]
    if ends in ("refused", "put back"):
        assert after["files"] == before["files"], "no byte, no mode and no name differs"
    if ends in ("refused", "overtaken"):
        assert not result["changed"] and after["engine"] == before["engine"]
    if ends in ("done", "written"):
        assert result["changed"] and not result.get("failed"), result
        assert mirrors == result["mirrors"]
    if ends == "done":
        assert after["engine"] == before["engine"]
    if ends == "unknown":
        assert result.get("failed") and result["changed"], result
        assert after["files"] == before["files"]
    if ends in ("either", "unknown"):
        assert file in (BASE, WRITTEN) and mirrors in ([f"{OLD}/"], [f"{NEW}/"])
    assert choice(fault.says, host) in message or not result.get("failed"), message
    assert conftest.rest_of(file) == conftest.rest_of(BASE)
    assert host.container_process("witness") == witness

    healed = faults.run_module(host)
    assert not healed.get("failed") and healed["in_force"] == in_force(host) == [f"{NEW}/"], healed
    assert host.daemon_json() == WRITTEN or fault.ends == "done"
    assert not [name for name in host.files() if "pullthrough" in name], host.files()
    assert faults.run_module(host)["changed"] is False
    return {
        "ends": ends,
        "file": "as it was" if b"old.example" in file else "new",
        "engine": "new" if mirrors != [f"{OLD}/"] else "as it was",
        "restarted": after["engine"] != before["engine"],
        "message": message,
        "next run": "changes" if healed["changed"] else "nothing to do",
        "seconds": round(seconds, 1),
        **({"pulled": result["pulled"]} if "pulled" in result else {}),
    }


def tried(fault, hosts):
    """Return the hosts on which a fault is tried."""
    same = isinstance(fault.ends, str) and isinstance(fault.says, str)
    return [hosts[FAULTS.index(fault) % len(hosts)]] if same and not WHOLE else hosts


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_fault(fault, hosts, rows):
    rows[fault.name] = each(lambda host: go_through(fault, host), tried(fault, hosts))
    rows.save()


KILLS = 6
LEFT = ("pgrep", "-x", "python3")
"""Finds processes that a killed play may leave on a host for a moment."""


def test_a_play_that_is_killed_at_any_step(hosts, rows, tmp_path):
    """The role reloads for the mirrors and restarts for the log driver; /info shows both.

    The play and its child processes are killed at instants spread over the run. After each kill the hosts are whole,
    and the next play completes the change.
    """
    variables = {
        "docker_mirror_urls": [NEW],
        "docker_mirror_exclusive": True,
        "docker_mirror_daemon_settings": {"log-driver": "local"},
    }
    play = tmp_path / "play.yml"
    play.write_text(
        yaml.safe_dump([{"hosts": "engines", "gather_facts": False, "vars": variables, "roles": [faults.ROLE]}])
    )

    def prepare(host):
        host.write_daemon_json(BASE)
        if host.info()["LoggingDriver"] != "json-file":
            host.run("systemctl", "reset-failed", "docker.service", "docker.socket")
            host.run("systemctl", "restart", "docker.service")
        wait_until(host.answers, 60)
        reset(host)

    def look(host):
        wait_until(lambda: host.run(*LEFT, check=False) == b"", 60)
        wait_until(host.answers, 60)
        data = host.daemon_json()
        assert json.loads(data)["registry-mirrors"] in ([OLD], [NEW])
        assert data.startswith(BASE[: BASE.index(b"old.example") - len("https:\\/\\/")]), data
        assert in_force(host) in ([f"{OLD}/"], [f"{NEW}/"])
        assert host.container_process("witness") == witness[host.name]

    witness = each(lambda host: host.container_process("witness"), hosts)
    each(prepare, hosts)
    began = time.monotonic()
    assert conftest.run_playbook(play)[0] == 0
    whole = time.monotonic() - began
    killed = 0
    for number in range(KILLS):
        each(prepare, hosts)
        began = time.monotonic()
        with conftest.started("ansible-playbook", play) as running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(whole * (number + 0.5) / KILLS)
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                killed += 1
            else:  # The machine is faster now than at the first run.
                whole = min(whole, time.monotonic() - began)
        each(look, hosts)
        code, _counts, out = conftest.run_playbook(play)
        assert code == 0, out
        for host in hosts:
            info = host.info()
            assert (info["RegistryConfig"]["Mirrors"], info["LoggingDriver"]) == ([f"{NEW}/"], "local")
            assert not [name for name in host.files() if "pullthrough" in name], host.files()
            # The backup of a killed run stays, since someone may need it, and only that run knows of it.
            host.run("sh", "-c", "rm -f /etc/docker/daemon.json.*~")
    assert killed > KILLS // 2, "a play that runs faster than the first one ends before its last instants"
    row = {
        "ends": "either",
        "file": "",
        "engine": "",
        "restarted": False,
        "message": "",
        "next run": "changes",
        "seconds": round(whole, 1),
    }
    rows[f"a play that is killed, at {KILLS} instants over its run"] = {host.name: row for host in hosts}
    rows.save()
    each(prepare, hosts)

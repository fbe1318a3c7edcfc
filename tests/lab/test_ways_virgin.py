# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After check mode on new hosts: nothing has changed, and each engine runs in the way that it is here to test."""

from __future__ import annotations

import conftest
import ways

FILES = conftest.ROOT / "extensions/molecule/ways/files"


def test_check_mode_changed_nothing(host, state, prove):
    prepared = FILES / f"{host.name}.json"
    before = prepared.read_bytes() if prepared.exists() else None
    assert host.daemon_json() == before
    mirrors = host.mirrors()
    assert conftest.GCR not in mirrors
    state[host.name] = {**ways.snapshot(host), "rest": conftest.rest_of(before)}
    prove(host.name, "check mode changed nothing", {"mirrors in force": mirrors, "files": host.files()})


def test_each_engine_runs_in_its_way(lab):
    hosts = {host.name: host for host in ways.hosts_of(lab, conftest.HOSTS)}
    infos = {}
    for name, host in hosts.items():
        with host.sdk() as client:
            infos[name] = client.info()
        assert conftest.HOSTS[name]["lab_version"] in infos[name]["ServerVersion"]
        assert ("name=rootless" in infos[name]["SecurityOptions"]) is (name == ways.ROOTLESS)
        assert (["driver-type", "io.containerd.snapshotter.v1"] in infos[name]["DriverStatus"]) is (
            name in ways.CONTAINERD
        )
    assert infos[ways.MOVED]["Labels"] == ["read=yes"]
    assert infos[ways.ROOTLESS]["Labels"] == ["of=rl"] and infos[ways.BESIDE]["Labels"] == ["of=root"]
    for name in (ways.SYSVINIT, ways.OPENRC):
        assert (
            hosts[name].run("sh", "-c", "cat /proc/1/comm; test -e /run/systemd/system || echo no systemd")
            == b"init\nno systemd\n"
        )
    assert (
        hosts[ways.OPENRC].run("sh", "-c", "rc-service docker status >/dev/null && test -e /run/openrc && echo yes")
        == b"yes\n"
    )


def test_what_is_predicted(lab, state):
    """The tests after converge compare the results with these predictions."""
    hosts = ways.hosts_of(lab)
    for name, predicted in conftest.modules(hosts, mirrors=["https://mirror.gcr.io"], check=True).items():
        assert predicted["changed"], predicted
        state[name]["predicted"] = {"file": predicted["diff"][0]["after"], "mirrors": predicted["mirrors"]}

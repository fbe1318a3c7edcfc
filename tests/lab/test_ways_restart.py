# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""If only a restart helps, the role restarts the engine with its init system, and puts back a change that fails."""

from __future__ import annotations

import re

import pytest

import conftest
import ways

from conftest import Host

REFUSED = "https://refused.example"


@pytest.fixture(scope="module")
def hosts(lab):
    """Yield engines with a flag that a reload would lose, and that do not start with one of the mirrors."""
    hosts = ways.hosts_of(lab, ways.OTHER_INITS)
    with ways.plugin(hosts) as flag, ways.restored_afterwards(hosts, *{ways.options_of(host) for host in hosts}):
        for host in hosts:
            ways.give_flag(host, flag, unless=REFUSED)
        ways.each(ways.restart, hosts)
        yield hosts


def test_a_restart_where_only_a_restart_helps(lab, hosts, tmp_path, prove):
    neighbour = ways.snapshot(Host(lab, ways.BESIDE))
    before = ways.each(ways.snapshot, hosts)
    predicted = conftest.modules(hosts, mirrors=[ways.NEW], check=True)
    assert {predicted[host.name]["pending"] for host in hosts} == {"restart"}, predicted
    assert ways.each(ways.snapshot, hosts) == before

    code, counts, out = ways.role(tmp_path, hosts, urls=[ways.NEW])
    assert code == 0, out
    after = ways.each(ways.snapshot, hosts)
    for host in hosts:
        old, new = before[host.name], after[host.name]
        assert new["engine"] != old["engine"] and new["in force"] == [*old["in force"], f"{ways.NEW}/"], host.name
        assert {line.split()[0] for line in new["files"]} == {line.split()[0] for line in old["files"]} | {
            "daemon.json"
        }, "no copy is left behind"
        value = {
            "in force": {"before": old["in force"], "after": new["in force"]},
            "tasks changed": counts[host.name]["changed"],
        }
        prove(host.name, "a restart where only a restart helps", value)
    code, counts, out = ways.role(tmp_path, hosts, urls=[ways.NEW])
    assert code == 0 and all(count["changed"] == 0 for count in counts.values()), out
    assert ways.each(ways.snapshot, hosts) == after
    assert ways.snapshot(Host(lab, ways.BESIDE)) == neighbour


def test_a_restart_that_fails_is_put_back(hosts, tmp_path, prove):
    before = ways.each(ways.snapshot, hosts)
    code, counts, out = ways.role(tmp_path, hosts, urls=[REFUSED], restart_timeout=15)
    assert code != 0, out
    for host in hosts:
        error = re.findall(rf"^fatal: \[{re.escape(host.name)}\]: FAILED! => (.*)$", out, re.MULTILINE)[-1]
        assert "The change did not take effect" in error and f"The role restored {host.file}" in error, error
        assert counts[host.name]["failed"] == 1
        after = ways.snapshot(host)
        assert after["engine"] != before[host.name]["engine"], "it was restarted, and started again"
        assert {**after, "engine": None} == {**before[host.name], "engine": None}, host.name
        hashes = {"before": before[host.name]["file"], "after": after["file"]}
        prove(
            host.name,
            "a restart that fails is put back",
            {"in force": after["in force"], "SHA-256 of the file": hashes},
        )

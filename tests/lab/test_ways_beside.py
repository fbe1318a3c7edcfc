# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A root engine and a rootless one on one host: the user of the task selects the engine, and the other is unchanged."""

from __future__ import annotations

import pytest

import conftest
import ways

from conftest import Host


@pytest.mark.parametrize(("name", "other"), [(ways.BESIDE, ways.ROOTLESS), (ways.ROOTLESS, ways.BESIDE)])
def test_a_change_of_one_does_not_affect_the_other(lab, name, other, prove):
    host, neighbour = Host(lab, name), Host(lab, other)
    before, pid, mirrors, data = ways.snapshot(neighbour), host.engine_pid(), host.mirrors(), host.daemon_json()
    result = host.module(mirrors=[ways.NEW])
    assert result["changed"] and result["reloaded"] and result["path"] == host.file, result
    assert host.mirrors() == [*mirrors, f"{ways.NEW}/"] and f'"{ways.NEW}"'.encode() in host.daemon_json()
    assert ways.snapshot(neighbour) == before
    infos = conftest.modules([host, neighbour], "registry_mirrors_info")
    for each in (host, neighbour):
        engine = infos[each.name]["engine"]
        assert (engine["pid"], engine["rootless"]) == (each.engine_pid(), each.name == ways.ROOTLESS)
        assert infos[each.name]["path"] == each.file and infos[each.name]["in_force"] == each.mirrors()
    result = host.module(mirrors=[ways.NEW], state="absent")
    assert result["changed"] and host.mirrors() == mirrors and host.daemon_json() == data
    assert host.engine_pid() == pid
    after = ways.snapshot(neighbour)
    assert after == before
    prove(
        neighbour.name,
        "unchanged while the other engine of its host changed there and back",
        {"before": before, "after": after},
    )

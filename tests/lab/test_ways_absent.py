# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After state: absent, as predicted, the mirror is not in force, no file of ours is left, and no engine restarted."""

from __future__ import annotations

import conftest
import ways


def test_absent_is_as_check_mode_said(lab, state, tmp_path, prove):
    hosts = ways.hosts_of(lab)
    before = ways.each(ways.snapshot, hosts)
    options = {"mirrors": ["https://mirror.gcr.io"], "state": "absent"}
    predicted = conftest.modules(hosts, check=True, **options)
    assert ways.each(ways.snapshot, hosts) == before, "check mode changes nothing"
    done = conftest.modules(hosts, **options)
    for host in hosts:
        began = state[host.name]
        assert ways.predictable(predicted[host.name]) == ways.predictable(done[host.name])
        assert done[host.name]["changed"] and host.mirrors() == began["in force"] == done[host.name]["in_force"]
        data = host.daemon_json()
        assert data.decode() == predicted[host.name]["diff"][0]["after"]
        assert conftest.rest_of(data) == began["rest"]
        assert b"gcr" not in data and b'"registry-mirrors": []' not in data
        names = [{line.split()[0] for line in lines} for lines in (began["files"], host.files())]
        assert names[1] == names[0] | {host.file.rpartition("/")[2]}, "no file of ours is left beside it"
        assert host.engine_pid() == began["engine"]
        value = {
            "in force": host.mirrors(),
            "SHA-256 of the rest": {"before": began["rest"], "after": conftest.rest_of(data)},
        }
        prove(host.name, "absent, as check mode said", value)
    code, counts, out = ways.role(tmp_path, hosts, state="absent")
    assert (
        code == 0 and set(counts) == set(ways.DECLARED) and all(count["changed"] == 0 for count in counts.values())
    ), out

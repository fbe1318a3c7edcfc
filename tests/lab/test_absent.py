# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After state: absent, the mirror is not in force, no file of ours is left, and the first container still runs."""

from __future__ import annotations

import conftest


def test_absent(host, state, prove):
    before = state[host.name]
    assert conftest.GCR not in host.mirrors()
    data = host.daemon_json()
    assert b"gcr" not in data and b'"registry-mirrors": []' not in data
    assert conftest.rest_of(data) == before["rest"]
    names = [{line.split()[0] for line in lines} for lines in (before["files"], host.files())]
    assert names[1] == names[0] | {"daemon.json"}, "no file of ours is left beside it"
    assert host.engine_pid() == before["engine"]
    assert host.witness() == before["witness"]
    prove(
        host.name,
        "absent",
        {
            "in force": host.mirrors(),
            "SHA-256 of the rest": {"before": before["rest"], "after": conftest.rest_of(data)},
        },
    )
    prove(
        host.name,
        "container without restart policy, to the end",
        {"before": before["witness"], "after": host.witness()},
    )

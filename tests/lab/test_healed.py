# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After drift and another converge: the mirror is in force again, and no container was touched."""

from __future__ import annotations

import conftest


def test_healed(host, state, prove):
    before = state[host.name]
    data = host.daemon_json()
    assert host.mirrors()[-1] == conftest.GCR
    assert b'"https://mirror.gcr.io"' in data
    assert conftest.rest_of(data) == before["rest"]
    assert host.engine_pid() == before["engine"]
    assert host.witness() == before["witness"]
    healed = before.setdefault("healed", 0) + 1
    before["healed"] = healed
    prove(
        host.name,
        f"drift healed, {['', 'file right and engine not', 'key gone and engine has mirrors'][healed]}",
        {"in force": host.mirrors()},
    )

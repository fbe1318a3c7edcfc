# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After check mode on new hosts: nothing has changed."""

from __future__ import annotations

import pathlib

import conftest

FILES = pathlib.Path(conftest.ROOT, "extensions/molecule/default/files")


def test_check_mode_changed_nothing(host, state, prove):
    prepared = FILES / f"{host.name}.json"
    before = prepared.read_bytes() if prepared.exists() else None
    assert host.daemon_json() == before
    mirrors = host.mirrors()
    assert conftest.GCR not in mirrors
    version = host.run("dockerd", "--version").decode()
    assert conftest.HOSTS[host.name]["lab_version"] in version
    witness = host.witness()
    assert witness["running"]
    state[host.name] = {
        "rest": conftest.rest_of(before),
        "mirrors": mirrors,
        "files": host.files(),
        "engine": host.engine_pid(),
        "witness": witness,
    }
    prove(host.name, "check mode changed nothing", {"mirrors in force": mirrors, "files": host.files()})

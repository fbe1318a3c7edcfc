# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules run in process, against a model of the engine."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.tests.unit.model import Machine, ModelEngine, Systemd, run_module


@pytest.fixture
def daemon_json(tmp_path):
    return tmp_path / "docker" / "daemon.json"


@pytest.fixture
def certs(tmp_path):
    return tmp_path / "certs.d"


@pytest.fixture
def machine(monkeypatch, daemon_json, certs):
    """The machine that the modules find: its engine and, once a test sets one, its service."""
    made = Machine(ModelEngine(daemon_json), certs)
    made.stand_in(monkeypatch)
    return made


@pytest.fixture
def engine(machine):
    return machine.engine


@pytest.fixture
def systemd(machine, tmp_path):
    machine.service = Systemd(tmp_path)
    return machine.service


@pytest.fixture
def run(engine):
    """Run a module of the collection: run(name, check=False, **options) returns what it returns, with its warnings.

    Never without the model: a module finds the engine of the machine that the tests run on as well.
    """
    return run_module

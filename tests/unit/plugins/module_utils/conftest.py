# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host without an engine, and fake engines on it."""

from __future__ import annotations

import importlib
import shutil
import time

import pytest

from deadline import ends_within
from fake_engines import answering, running_dockerd, sleeping, write_program

HOST = "ansible_collections.pullthrough.docker.plugins.module_utils._host"
"""The code under test. It is imported late: when pytest loads this file first, no collection can be found yet."""


@pytest.fixture
def in_time():
    with ends_within(20):
        yield


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A folder that replaces the host's folders of pid files, sockets and programs; systemd does not run."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(f"{HOST}.scope.runtime_dir", lambda: str(tmp_path))
    monkeypatch.setattr(f"{HOST}.programs.PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(f"{HOST}.engines._ROOT_SOCKET", str(tmp_path / "root.sock"))
    monkeypatch.setattr(f"{HOST}.services.has_systemd", lambda: False)
    return tmp_path


@pytest.fixture
def systemd(host, monkeypatch):
    """systemd(unit, journal, **properties): set what systemd shows of the unit, and what the journal holds."""
    monkeypatch.setattr(f"{HOST}.services.has_systemd", lambda: True)

    def show(unit="docker.service", journal="", **properties):
        lines = "".join(f"{name}={value}\n" for name, value in properties.items())
        write_program(host / "bin/systemctl", f"case \"$*\" in *' -- {unit}') printf '%s' '{lines}' ;; esac")
        (host / "journal").write_text(journal)
        write_program(host / "bin/journalctl", f'echo "$*" >>{host}/asked\nexec /bin/cat {host}/journal')

    show()
    return show


@pytest.fixture(scope="module")
def sleeper(tmp_path_factory):
    program = tmp_path_factory.mktemp("engine") / "dockerd"
    shutil.copy(shutil.which("sleep"), program)
    child = sleeping(program)
    yield child
    child.kill()
    child.wait()


@pytest.fixture
def process(host, sleeper):
    """A process named dockerd that sleeps. The pid file names it."""
    (host / "docker.pid").write_text(f"{sleeper.pid}\n")
    return sleeper


@pytest.fixture
def snap(host, monkeypatch):
    """The pid file of the snap."""
    path = host / "snap.pid"
    monkeypatch.setattr(f"{HOST}.processes._SNAP_PID_FILE", str(path))
    return path


@pytest.fixture
def other(host):
    """A second process named dockerd, in no pid file."""
    program = host / "dockerd"
    shutil.copy(shutil.which("sleep"), program)
    child = sleeping(program)
    yield child
    child.kill()
    child.wait()


@pytest.fixture
def dockerd(host):
    """A fake engine that answers, whose log is a file."""
    with (host / "log").open("ab") as log, running_dockerd(host, log) as child:
        yield child


@pytest.fixture
def answer(host, process, monkeypatch):
    """answer(parts): return what a look finds while the engine's socket sends these parts."""
    monkeypatch.setattr(f"{HOST}.engine_api._maker_of", lambda sock: process.pid)

    def look(parts, timeout=10.0):
        with answering(host / "docker.sock", parts):
            return importlib.import_module(f"{HOST}.engines").look("docker", timeout)

    return look


@pytest.fixture
def texts(monkeypatch):
    """The texts of files that a test cannot write, by their paths."""
    real = importlib.import_module(f"{HOST}.files").text_of
    texts = {}
    monkeypatch.setattr(
        f"{HOST}.files.text_of", lambda path, **limits: texts[path] if path in texts else real(path, **limits)
    )
    return texts


@pytest.fixture
def clock(monkeypatch):
    """A clock that does not move until a test sets it. Sums with this POLL_SECONDS are exact."""
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(f"{HOST}.engines.POLL_SECONDS", 0.0625)
    return clock

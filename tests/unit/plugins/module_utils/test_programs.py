# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs run within a time limit, and which of them can be trusted."""

from __future__ import annotations

import os

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    programs,
)

OTHER = 4711
"""A user who is neither root nor the one who runs the tests."""

RUNS = {
    # command: (code, output)
    ("sh", "-c", "echo out; echo err >&2; exit 3"): (3, "out\nerr\n"),
    ("printf", r"\377"): (0, "\ufffd"),
    ("cat",): (0, ""),
    ("no-such-program",): (-1, "[Errno 2] No such file or directory: 'no-such-program'"),
}


@pytest.mark.parametrize(("command", "result"), RUNS.items(), ids=lambda value: str(value[0]))
def test_run(command, result):
    assert programs.run(list(command), 10) == result


def test_run_gives_the_data():
    assert programs.run(["cat"], 10, b"data") == (0, "data")


def test_run_ends_a_slow_program():
    assert programs.run(["sleep", "5"], 0.1) == (-1, "Command '['sleep', '5']' timed out after 0.1 seconds")


def test_run_in_an_environment_of_its_own(monkeypatch):
    theirs = {"HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/1", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/bus"}
    always = {f"PATH={programs.PATH}", "LC_ALL=C"}
    for name in theirs:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere")
    assert set(programs.run(["env"], 10)[1].splitlines()) == always
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    assert set(programs.run(["env"], 10)[1].splitlines()) == always | {
        f"{name}={value}" for name, value in theirs.items()
    }


@pytest.mark.parametrize(
    ("mode", "is_trusted"),
    [(0o755, True), (0o700, True), (0o775, False), (0o757, False), (0o777, False), (0o644, False)],
    ids=lambda value: f"{value:o}",
)
def test_a_program_that_others_can_replace_is_not_trusted(tmp_path, mode, is_trusted):
    program = tmp_path / "dockerd"
    program.write_text("#!/bin/sh\n")
    program.chmod(mode)
    assert programs.trusted(str(program)) == (str(program) if is_trusted else None)


def test_what_is_no_program_is_not_trusted(tmp_path):
    assert programs.trusted(str(tmp_path)) is None
    assert programs.trusted(str(tmp_path / "none")) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users")
@pytest.mark.parametrize(
    ("owner", "user", "is_trusted"),
    [(0, 0, True), (0, OTHER, True), (OTHER, OTHER, True), (OTHER, 0, False), (OTHER, 1000, False), (1, OTHER, False)],
)
def test_a_program_of_root_or_of_the_user_is_trusted(tmp_path, monkeypatch, owner, user, is_trusted):
    program = tmp_path / "dockerd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    os.chown(program, owner, -1)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert (programs.trusted(str(program)) is not None) is is_trusted

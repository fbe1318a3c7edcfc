# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs run within a time limit, and which of them can be trusted."""

from __future__ import annotations

import os
import pathlib
import shutil
import time

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
    ("no-such-program",): (-1, f"no program no-such-program that no other user can replace is in {programs.PATH}"),
    ("/no/such/program",): (-1, "[Errno 2] No such file or directory: '/no/such/program'"),
    ("true",): (0, ""),
}


@pytest.mark.parametrize(("command", "result"), RUNS.items(), ids=lambda value: str(value[0]))
def test_run(command, result):
    assert programs.run(list(command), 10) == result


def test_run_gives_the_data():
    assert programs.run(["cat"], 10, b"data") == (0, "data")


def test_run_ends_a_slow_program():
    assert programs.run(["sleep", "5"], 0.1) == (-1, "sleep did not end within 0.1 s and was stopped")


def ends(pid):
    """Return whether a process ends."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not os.path.exists(f"/proc/{pid}") or "\nState:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text():
            return True
        time.sleep(0.01)
    return False


def test_run_ends_the_children_of_a_slow_program(tmp_path):
    script = f"sleep 60 & echo $! >{tmp_path}/pid; wait"
    assert programs.run(["sh", "-c", script], 1) == (-1, "sh did not end within 1 s and was stopped")
    assert ends((tmp_path / "pid").read_text().strip())


def test_run_ends_a_program_that_prints_without_end(tmp_path):
    script = f"echo $$ >{tmp_path}/pid; exec yes"
    assert programs.run(["sh", "-c", script], 60) == (-1, "sh printed more than 1048576 bytes and was stopped")
    assert ends((tmp_path / "pid").read_text().strip())
    assert programs.run(["printf", "12345"], 10, limit=5) == (0, "12345")
    assert programs.run(["printf", "123456"], 10, limit=5) == (-1, "printf printed more than 5 bytes and was stopped")


def test_run_does_not_wait_for_children_that_hold_the_output_open():
    began = time.monotonic()
    code, out = programs.run(["sh", "-c", "echo ready; sleep 60 & echo $!; exit 3"], 50)
    words = out.split()
    os.kill(int(words[1]), 9)
    assert (code, words[0]) == (3, "ready") and time.monotonic() - began < 25


def test_run_with_a_program_that_closes_its_output_and_goes_on():
    assert programs.run(["sh", "-c", "exec >&- 2>&-; sleep 60"], 0.5)[0] == -1


@pytest.mark.parametrize("size", [70_000, 1_000_000])
def test_run_gives_much_data_and_takes_much(size):
    assert programs.run(["cat"], 50, b"x" * size) == (0, "x" * size)


def test_run_gives_data_to_a_program_that_does_not_read_it():
    assert programs.run(["sh", "-c", "exec <&-; echo no"], 10, b"x" * 1_000_000) == (0, "no\n")


def test_run_in_no_folder_of_the_caller(tmp_path, monkeypatch):
    """The words of an engine's command line can be relative paths, and it was started in this folder."""
    monkeypatch.chdir(tmp_path)
    assert programs.run(["pwd"], 10) == (0, "/\n")


def test_run_takes_no_program_that_another_user_can_replace(tmp_path, monkeypatch):
    folders = [tmp_path / name for name in ("theirs", "ours")]
    for folder in folders:
        folder.mkdir()
        (folder / "probe").write_text(f"#!/bin/sh\necho {folder.name}\n")
        (folder / "probe").chmod(0o755)
    monkeypatch.setattr(programs, "PATH", ":".join(map(str, folders)))
    assert programs.run(["probe"], 10) == (0, "theirs\n")
    folders[0].chmod(0o777)
    assert programs.run(["probe"], 10) == (0, "ours\n")
    folders[1].chmod(0o777)
    assert programs.run(["probe"], 10) == (
        -1,
        f"no program probe that no other user can replace is in {programs.PATH}",
    )


def test_a_program_with_many_names_gets_the_one_that_was_asked_for(tmp_path, monkeypatch):
    (tmp_path / "probe").symlink_to(shutil.which("sleep"))
    monkeypatch.setattr(programs, "PATH", str(tmp_path))
    assert programs.run(["probe", "0"], 10) == (0, "")
    assert programs.run(["probe", "x"], 10)[1].startswith("probe:")


def test_run_in_an_environment_of_its_own(monkeypatch):
    theirs = {"HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/1", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/bus"}
    always = {f"PATH={programs.PATH}", "LC_ALL=C"}
    for name in theirs:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere")
    assert set(programs.run(["env"], 10)[1].splitlines()) == always
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert set(programs.run(["env"], 10)[1].splitlines()) == always, "they can name folders of another user"
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)
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

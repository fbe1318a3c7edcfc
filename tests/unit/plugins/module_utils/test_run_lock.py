# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lock for all changes of a user, which no other user can hold."""

from __future__ import annotations

import fcntl
import os
import pathlib
import re
import resource
import stat
import subprocess
import sys
import time

import pytest

from fake_engines import as_user

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    files,
    run_lock,
    scope,
)

OTHER = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(descriptor, fcntl.LOCK_EX)
os.pwrite(descriptor, f"{os.getpid()}\\n".encode(), 0)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The file of the lock."""
    monkeypatch.setattr(scope, "runtime_dir", lambda: str(tmp_path))
    return tmp_path / "pullthrough-docker.lock"


def failure(timeout=0.0):
    with pytest.raises(files.FileError) as failed, run_lock.hold(timeout):
        pytest.fail("the lock is held all the same")
    return str(failed.value)


def test_only_its_owner_can_open_it(path):
    umask = os.umask(0)
    try:
        with run_lock.hold(0):
            assert path.read_text() == f"{os.getpid()}\n"
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with run_lock.hold(0):
        pass


def test_another_user_cannot_hold_it(nobody, monkeypatch):
    """Not even before the first run: the folder is root's."""
    monkeypatch.setattr(scope, "runtime_dir", lambda: str(nobody.folder))
    path = nobody.folder / run_lock.NAME
    assert not nobody.can(path.touch)
    with run_lock.hold(0):
        pass
    assert not nobody.can(path.open) and nobody.can(lambda: os.listdir(nobody.folder))


@pytest.mark.parametrize("folder", [0o777, 0o1777])
def test_it_is_not_kept_where_others_can_write(path, folder):
    path.parent.chmod(folder)
    assert failure() == (
        f"{path.parent}: another user can write this folder or one above it, so the lock cannot be kept there. "
        "Make it writable only by its owner."
    )
    assert not path.exists()


@pytest.mark.parametrize("what", ["a link", "a pipe", "a folder", "readable by all", "of another user"])
def test_what_lies_in_its_place(path, nobody, what):
    if what == "a link":
        path.symlink_to(path.parent / "elsewhere")
    elif what == "a folder":
        path.mkdir()
    elif what == "a pipe":
        os.mkfifo(path, 0o600)
    else:
        path.touch(0o644 if what == "readable by all" else 0o600)
        os.chown(path, nobody.id if what == "of another user" else 0, -1)
    assert re.search("cannot be opened|not a file that only this user can open", failure())
    assert not (path.parent / "elsewhere").exists()


def test_the_process_that_holds_it_is_named(path):
    with run_lock.hold(0):
        pass
    word = f"--token=hush {'x' * 200}"
    command = [sys.executable, "-IS", "-c", OTHER, str(path), word]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        text = failure(0.1)
        other.stdin.close()
    start = f"{path}: another run has held its lock for 0.1 s: process {other.pid} ({sys.executable} -IS -c "
    assert text.startswith(start) and "hush" not in text and "\n" not in text and len(text) < len(start) + 200
    assert text.endswith("…). Wait until it has ended, or end it if it hangs. Then run this again.")
    with run_lock.hold(0):
        assert path.read_text() == f"{os.getpid()}\n", "the name of the other process is gone"


@pytest.mark.parametrize(("held", "named"), [("", ""), ("x\n", ""), ("99999999\n", ": process 99999999")])
def test_a_holder_that_cannot_be_read(path, held, named):
    path.write_text(held)
    path.chmod(0o600)
    other = os.open(path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        assert failure().startswith(f"{path}: another run has held its lock for 0 s{named}. Wait")
    finally:
        os.close(other)


def test_it_is_waited_for(path, monkeypatch):
    path.touch(0o600)
    other, naps = os.open(path, os.O_RDONLY), []
    fcntl.flock(other, fcntl.LOCK_EX)
    monkeypatch.setattr(time, "sleep", lambda seconds: naps.append(seconds) or os.close(other))
    with run_lock.hold(60):
        assert naps == [0.05]


def test_it_is_not_waited_for_without_time(path, monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 5.0)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited"))
    with run_lock.hold(0):
        assert "for 0 s" in failure()


def test_a_user_without_a_session_has_it_among_their_configuration(tmp_path, monkeypatch):
    as_user(monkeypatch, os.geteuid())
    monkeypatch.setattr(scope, "runtime_dir", lambda: str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/config"))
    with run_lock.hold(0):
        assert (tmp_path / "home/config" / run_lock.NAME).exists()
    assert stat.S_IMODE((tmp_path / "home/config").stat().st_mode) == 0o700


def test_a_file_that_cannot_be_opened(path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lock = run_lock.hold(1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(files.FileError) as refused:
            lock.__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert str(refused.value) == f"{path}: cannot be opened: Too many open files. Look at it with ls -l {path}."


def test_a_full_disk_does_not_stop_a_run(path, monkeypatch):
    def full(*_arguments):
        raise OSError("No space left on device")

    path.write_text("99999999\n")
    path.chmod(0o600)
    monkeypatch.setattr(os, "pwrite", full)
    with run_lock.hold(0):
        assert pathlib.Path(path).read_text() == "", "nobody is sent after a process that does not hold it"

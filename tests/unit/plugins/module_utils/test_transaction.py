# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files are locked, replaced whole and put back."""

from __future__ import annotations

import errno
import itertools
import os
import pathlib
import re
import stat

import pytest

from ansible.module_utils.basic import AnsibleModule
from deadline import ends_within

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    files,
    leftovers,
    scope,
    transaction,
)
from ansible_collections.pullthrough.docker.tests.unit.module_args import patch_module_args


@pytest.fixture(autouse=True)
def _own_lock(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("run")
    monkeypatch.setattr(scope, "lock_folder", lambda: str(folder))


def begin(**options):
    with patch_module_args(options):
        return transaction.Transaction(AnsibleModule({"unsafe_writes": {"type": "bool", "default": False}}))


@pytest.fixture
def writes():
    return begin()


def fails_with(number):
    """A call to the operating system that fails."""

    def call(*_arguments, **_keywords):
        raise OSError(number, os.strerror(number))

    return call


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def strict_umask():
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def no_waiting():
    with ends_within(5):
        yield


def test_what_is_written_can_be_taken_back(writes, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"before")
    old.chmod(0o640)
    writes.write(str(old), b"before", b"after")
    writes.write(str(new), None, b"made")
    writes.write(str(old), b"after", b"after that")
    assert (old.read_bytes(), new.read_bytes()) == (b"after that", b"made")
    assert mode(old) == 0o640 and mode(new) == 0o644
    assert writes.undo() == []
    assert old.read_bytes() == b"before" and mode(old) == 0o640 and os.listdir(tmp_path) == ["old"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_no_instant_gives_a_file_another_mode(writes, tmp_path, monkeypatch, umask):
    """Nor leaves what is staged, which may hold secrets, to others. As atomic_move does it, with the umask."""
    modes = []

    def moved(_module, source, target, unsafe_writes):
        creating = not os.path.exists(target)
        os.rename(source, target)
        modes.append(stat.S_IMODE(os.stat(target).st_mode))
        if creating:
            allowed = os.umask(0)
            os.umask(allowed)
            os.chmod(target, 0o666 & ~allowed)
            modes.append(stat.S_IMODE(os.stat(target).st_mode))

    monkeypatch.setattr(AnsibleModule, "atomic_move", moved)
    before = os.umask(umask)
    try:
        writes.stage(str(tmp_path / "new"), b"secret")
        writes.write(str(tmp_path / "new"), None, b"made")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert modes == [0o600, 0o600, 0o644, 0o644] and stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644
    assert writes.undo() == [] and os.listdir(tmp_path) == [], "what was staged goes with what was written"


def test_the_last_write_is_taken_back_first(writes, tmp_path, monkeypatch):
    """What moved from one file to another is never in both."""
    paths = [tmp_path / name for name in ("one", "two")]
    for path in paths:
        path.write_bytes(b"before")
        writes.write(str(path), b"before", b"after")
    order, replace = [], os.rename
    monkeypatch.setattr(
        os, "rename", lambda source, target: order.append(os.fsdecode(target)) or replace(source, target)
    )
    assert writes.undo() == [] and order == [str(path) for path in reversed(paths)]


@pytest.mark.parametrize("failure", ["a write that fails", "someone else's write", "a mode that cannot be put back"])
def test_what_moved_is_never_put_back_beside_a_file_that_keeps_it(writes, tmp_path, monkeypatch, failure):
    """An engine does not start with a mirror in two places. It starts with the mirror where this run put it."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"mirror")
    new.write_bytes(b"none")
    writes.write(str(old), b"mirror", b"none")
    writes.write(str(new), b"none", b"mirror")
    with monkeypatch.context() as patch:
        if failure == "a write that fails":
            calls = itertools.chain([fails_with(errno.EIO)], itertools.repeat(os.rename))

            def fails_once(*paths):
                return next(calls)(*paths)

            patch.setattr(os, "rename", fails_once)
        elif failure == "someone else's write":
            new.write_bytes(b"theirs, with a mirror")
        else:
            new.chmod(0o600)
            patch.setattr(os, "chmod", fails_with(errno.EPERM))
        problems = writes.undo()
    assert problems[0].startswith(str(new))
    if failure == "a mode that cannot be put back":
        assert (old.read_bytes(), new.read_bytes()) == (b"mirror", b"none"), "its text is back, so it goes on"
        return
    assert len(problems) == 1 and old.read_bytes() == b"none" and b"mirror" in new.read_bytes()
    new.write_bytes(b"mirror")
    assert writes.undo() == [] and (old.read_bytes(), new.read_bytes()) == (b"mirror", b"none")


def test_a_file_that_is_removed_can_be_put_back_and_its_folder_goes_when_it_is_empty(writes, tmp_path, strict_umask):
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_bytes(b"before")
    writes.write(str(path), b"before", None)
    assert not path.exists() and writes.undo() == [] and path.read_bytes() == b"before" and mode(path) == 0o600
    writes.write(str(path), b"before", None)
    writes.tidy()
    assert not path.parent.exists()


def test_a_new_file_can_be_read_by_all_whatever_the_umask(writes, tmp_path, strict_umask):
    writes.write(str(tmp_path / "new"), None, b"made")
    assert mode(tmp_path / "new") == 0o644


def test_a_folder_that_holds_what_was_written_stays(writes, tmp_path):
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    writes.write(str(path), None, b"made")
    writes.tidy()
    assert path.read_bytes() == b"made"


def test_file_and_folder_are_on_the_disk_before_it_goes_on(writes, tmp_path, monkeypatch):
    path, synced, real = tmp_path / "file", [], os.fsync

    def fsync(descriptor):
        synced.append(
            (
                stat.S_ISDIR(os.fstat(descriptor).st_mode),
                sorted(name[: len(transaction.TEMP_PREFIX)] for name in os.listdir(tmp_path)),
            )
        )
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    writes.write(str(path), None, b"made")
    assert synced == [(False, [transaction.TEMP_PREFIX]), (True, ["file"])]
    writes.write(str(path), b"made", None)
    assert synced[2:] == [(True, [])]


def test_what_is_the_same_is_not_written(writes, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"same")
    before = path.stat()
    writes.write(str(path), b"same", b"same")
    assert path.stat() == before and writes.undo() == []


def test_what_someone_else_wrote_is_left_alone(writes, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"theirs")
    with pytest.raises(transaction.FileChanged) as refused:
        writes.write(str(path), b"before", b"after")
    assert (
        str(refused.value)
        == f"{path}: someone else changed it during this run, and it was left as they wrote it. Run this again."
    )
    assert path.read_bytes() == b"theirs"
    writes.write(str(path), b"theirs", b"ours")
    path.write_bytes(b"theirs again")
    assert writes.undo() == [f"{path} was changed by someone else meanwhile and was left as they wrote it"]
    assert path.read_bytes() == b"theirs again" and writes.undo() == [
        f"{path} was changed by someone else meanwhile and was left as they wrote it"
    ]


ADVICE = {
    errno.EBUSY: "A file that is mounted by itself cannot be replaced: allow writing into it with unsafe_writes: true.",
    errno.EPERM: "It may be immutable (lsattr shows it, chattr -i undoes it).",
    errno.EROFS: "Its file system is mounted read-only: remount it to write there.",
    errno.ENOSPC: "Make room there.",
    errno.EDQUOT: "Make room there.",
    errno.EACCES: "Run the task as a user who can write it (become: true).",
}


@pytest.mark.parametrize(("number", "advice"), ADVICE.items(), ids=errno.errorcode.get)
@pytest.mark.parametrize(
    ("call", "data", "what"),
    [("fsync", b"after", "written"), ("rename", b"after", "written"), ("unlink", None, "removed")],
    ids=["while it is written", "while Ansible puts it in its place", "while it is removed"],
)
def test_a_failed_write_leaves_the_file_and_says_why(writes, tmp_path, monkeypatch, number, advice, call, data, what):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, call, fails_with(number))
    with pytest.raises(files.FileError) as failed:
        writes.write(str(path), b"before", data)
    monkeypatch.undo()
    assert str(failed.value) == f"{path}: cannot be {what}: {os.strerror(number)}. {advice}"
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["file"] and writes.undo() == []


def test_a_failure_that_is_not_the_operating_systems_is_told_in_its_own_words(writes, tmp_path, monkeypatch):
    path = tmp_path / "file"

    def fail(_module, *_arguments, **_options):
        raise RuntimeError("no label") from OSError("no words")

    monkeypatch.setattr(AnsibleModule, "atomic_move", fail)
    with pytest.raises(files.FileError) as failed:
        writes.write(str(path), None, b"after")
    assert str(failed.value) == (
        f"{path}: cannot be written: no label. Run the task as a user who can write it (become: true)."
    )


def test_a_file_in_no_folder(writes, tmp_path):
    path = tmp_path / "none" / "file"
    with pytest.raises(files.FileError, match="cannot be written: No such file or directory"):
        writes.write(str(path), None, b"after")


def test_a_file_that_is_mounted_by_itself_is_written_into_where_that_is_allowed(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "rename", fails_with(errno.EBUSY))
    begin(unsafe_writes=True).write(str(path), b"before", b"after")
    assert path.read_bytes() == b"after" and os.listdir(tmp_path) == ["file"]


def test_a_backup_lies_beside_the_file(writes, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    copy = writes.backup(str(path), b"before")
    assert re.fullmatch(rf"{re.escape(str(path))}\.{os.getpid()}\.\d{{4}}-\d\d-\d\d@\d\d:\d\d:\d\d~", copy), (
        "as ansible.builtin calls it"
    )
    assert files.read(copy) == b"before"
    long = tmp_path / ("x" * 250)
    long.write_bytes(b"before")
    with pytest.raises(files.FileError) as failed:
        writes.backup(str(long), b"before")
    assert (
        str(failed.value)
        == f"{long}: cannot be backed up: File name too long. Run the task as a user who can write it (become: true)."
    )


def test_a_backup_of_a_file_of_another_group_stays_its_users_alone(writes, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(0o644)
    monkeypatch.setattr(os, "chown", fails_with(errno.EPERM))
    copy = pathlib.Path(writes.backup(str(path), b"before"))
    assert (copy.read_bytes(), mode(copy)) == (b"before", 0o600)


def test_what_is_staged_is_found_by_the_next_run_until_it_is_unstaged(writes, tmp_path, strict_umask):
    path = tmp_path / "file"
    assert leftovers.staged(str(path)) is None and not leftovers.has_leftovers(str(path))
    writes.unstage(str(path))
    writes.stage(str(path), b"to be")
    (staged,) = tmp_path.iterdir()
    assert (
        staged.name == ".pullthrough-docker-moving-file"
        and mode(staged) == 0o600
        and leftovers.staged(str(path)) == b"to be"
    )
    with transaction.lock([str(path.parent)], 1):
        assert leftovers.has_leftovers(str(path)) and leftovers.staged(str(path)) == b"to be"
    writes.unstage(str(path))
    assert os.listdir(tmp_path) == []


def test_leftovers_are_ours_alone(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    (tmp_path / "other.pullthrough-docker-x").write_bytes(b"")
    assert not leftovers.has_leftovers(str(path)) and not leftovers.has_leftovers(str(tmp_path / "none" / "file"))
    (tmp_path / f"{transaction.TEMP_PREFIX}x").write_bytes(b"")
    assert leftovers.has_leftovers(str(path))


def test_the_lock_makes_folders_and_takes_empty_ones_away(tmp_path, strict_umask):
    path = tmp_path / "a" / "b" / "daemon.json"
    with transaction.lock([str(path.parent)], 1):
        assert mode(path.parent) == mode(path.parent.parent) == 0o755
    assert not (tmp_path / "a").exists()
    with transaction.lock([str(path.parent)], 1):
        path.write_text("{}")
    assert path.exists()


def test_the_lock_where_no_folder_can_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(files.FileError) as refused, transaction.lock([str(tmp_path / "file" / "x")], 1):
        pass
    assert str(refused.value) == f"{tmp_path}/file: cannot be created: File exists"


def test_the_lock_clears_what_a_killed_run_left(tmp_path):
    path, left, staged = (
        tmp_path / "daemon.json",
        tmp_path / f"{transaction.TEMP_PREFIX}x",
        tmp_path / f"{transaction.STAGED_PREFIX}x",
    )
    for other in (path, left, staged):
        other.write_text("half")
    with transaction.lock([str(path.parent)], 1):
        assert not left.exists() and path.exists() and staged.exists()


def test_what_a_killed_run_left_and_cannot_be_removed(tmp_path, monkeypatch):
    (tmp_path / ".pullthrough-docker-x").write_bytes(b"")

    def refuse(path):
        raise OSError(errno.EPERM, "Operation not permitted", path)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(files.FileError) as failed, transaction.lock([str(tmp_path)], 1):
        pytest.fail("the lock is held all the same")
    assert str(failed.value) == (
        f"{tmp_path}/.pullthrough-docker-x: cannot be removed: Operation not permitted. "
        "It may be immutable (lsattr shows it, chattr -i undoes it)."
    )

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files: read, locked, replaced whole, taken back."""

from __future__ import annotations

import os
import shutil
import stat
import types

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils import _file


class Module(types.SimpleNamespace):
    """The two methods of AnsibleModule that are used, without its options."""

    params = types.MappingProxyType({"unsafe_writes": False})

    def atomic_move(self, source, target, unsafe_writes):
        assert unsafe_writes is False
        if os.path.exists(target):
            shutil.copymode(target, source)
        os.rename(source, target)


@pytest.fixture
def files():
    return _file.Transaction(Module())


def test_what_is_written_can_be_taken_back(files, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"before")
    old.chmod(0o640)
    files.write(str(old), b"before", b"after")
    files.write(str(new), None, b"made")
    files.write(str(old), b"after", b"after that")
    assert (old.read_bytes(), new.read_bytes()) == (b"after that", b"made")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640 and stat.S_IMODE(new.stat().st_mode) == 0o644
    assert files.undo() == []
    assert old.read_bytes() == b"before" and os.listdir(tmp_path) == ["old"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_no_instant_gives_a_file_another_mode(files, tmp_path, monkeypatch, umask):
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

    monkeypatch.setattr(Module, "atomic_move", moved)
    before = os.umask(umask)
    try:
        files.stage(str(tmp_path / "new"), b"secret")
        files.write(str(tmp_path / "new"), None, b"made")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert modes == [0o600, 0o600, 0o644, 0o644] and stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644
    assert files.undo() == [] and os.listdir(tmp_path) == [], "what was staged goes with what was written"


def test_the_last_write_is_taken_back_first(files, tmp_path, monkeypatch):
    """What moved from one file to another is never in both."""
    paths = [tmp_path / name for name in ("one", "two")]
    for path in paths:
        path.write_bytes(b"before")
        files.write(str(path), b"before", b"after")
    order, replace = [], os.rename
    monkeypatch.setattr(os, "rename", lambda source, target: order.append(target) or replace(source, target))
    assert files.undo() == [] and order == [str(path) for path in reversed(paths)]


def test_a_file_that_is_removed_can_be_put_back_and_its_folder_goes_when_it_is_empty(files, tmp_path):
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_bytes(b"before")
    files.write(str(path), b"before", None)
    assert not path.exists() and files.undo() == [] and path.read_bytes() == b"before"
    files.write(str(path), b"before", None)
    files.tidy()
    assert not path.parent.exists()


def test_file_and_folder_are_on_the_disk_before_it_goes_on(files, tmp_path, monkeypatch):
    synced, real = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode)) or real(descriptor))
    files.write(str(tmp_path / "new"), None, b"made")
    assert synced == [False, True]


def test_what_someone_else_wrote_is_left_alone(files, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"theirs")
    with pytest.raises(_file.FileChanged, match="someone else changed it"):
        files.write(str(path), b"before", b"after")
    assert path.read_bytes() == b"theirs"
    files.write(str(path), b"theirs", b"ours")
    path.write_bytes(b"theirs again")
    (sentence,) = files.undo()
    assert "left as they wrote it" in sentence and path.read_bytes() == b"theirs again"


def test_a_failed_write_leaves_the_file_and_says_why(files, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(_file.FileError, match=r"No space left on device; the file is as it was\. Make room"):
        files.write(str(path), b"before", b"after")
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["file"]


def test_the_lock_makes_folders_and_takes_empty_ones_away(tmp_path):
    path = tmp_path / "a" / "b" / "daemon.json"
    with _file.lock(str(path), 1):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
    assert not (tmp_path / "a").exists()
    with _file.lock(str(path), 1):
        path.write_text("{}")
    assert path.exists()


def test_the_lock_is_held_against_others_and_clears_what_a_killed_run_left(tmp_path):
    path, left = tmp_path / "daemon.json", tmp_path / f"{_file.TEMP_PREFIX}x"
    left.write_text("half")
    with _file.lock(str(path), 1):
        assert not left.exists()
        with pytest.raises(_file.FileError, match="another run has held its lock"), _file.lock(str(path), 0.1):
            pass


def test_symlinks(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to("target")
    with pytest.raises(_file.FileError, match="does not exist"):
        _file.resolve(str(link))
    target.write_text("{}")
    assert _file.resolve(str(link)) == str(target)
    assert _file.resolve(str(tmp_path / "none")) == str(tmp_path / "none")
    tmp_path.chmod(0o777)
    with pytest.raises(_file.FileError, match="another user can write"):
        _file.resolve(str(link))
    with pytest.raises(_file.FileError, match="not an absolute path"):
        _file.resolve("daemon.json")


def test_a_loop_of_symlinks(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(_file.FileError):
        _file.resolve(str(tmp_path / "a" / "daemon.json"))


def test_what_is_no_file_is_not_read(tmp_path):
    assert _file.read(str(tmp_path / "none")) is None
    with pytest.raises(_file.FileError, match="not a regular file"):
        _file.read(str(tmp_path))
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(_file.SIZE_LIMIT + 1)
    with pytest.raises(_file.FileError, match="larger than"):
        _file.read(str(large))

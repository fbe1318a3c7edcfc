# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files are read within limits, and symlinks followed only where that is safe."""

from __future__ import annotations

import os

import pytest

from deadline import ends_within

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    files,
)


@pytest.fixture(autouse=True)
def no_waiting():
    with ends_within(5):
        yield


def test_the_mode_of_a_new_file_is_no_wider_than_that_of_what_it_repeats(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(files.FileError) as failed:
        files.mode_like(str(path))
    assert str(failed.value) == f"{path}: cannot be read: No such file or directory"
    path.write_bytes(b"")
    for theirs, ours in ((0o777, 0o644), (0o640, 0o640), (0o600, 0o600)):
        path.chmod(theirs)
        assert files.mode_like(str(path)) == ours


def test_a_path_is_followed_through_symlinks(tmp_path):
    folder = tmp_path / "real" / "inner"
    folder.mkdir(parents=True)
    (folder / "target").write_text("{}")
    (folder / "relative").symlink_to("../inner/target")
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "real" / "absolute").symlink_to(folder / "relative")
    for path in (
        "real/inner/target",
        "link/relative",
        "link//./relative",
        "real/absolute",
        "link/../absolute",
        "real/none/../inner/target",
    ):
        assert files.resolve(f"{tmp_path}/{path}") == str(folder / "target")
    assert files.resolve(f"{tmp_path}/link/none") == str(folder / "none")
    assert files.resolve("//") == files.resolve("/..") == "/"


REFUSED_PATHS = {
    # name: (path, refusal)
    "relative": ("daemon.json", "daemon.json: not an absolute path"),
    "dangling": (
        "{0}/dangling",
        "{0}/dangling: the symlink {0}/dangling points to nowhere, which does not exist. "
        "Remove the symlink or create the file it points to.",
    ),
    "a loop": ("{0}/loop/daemon.json", "{0}/loop/daemon.json: too many symlinks"),
    "41 links": ("{0}/41/daemon.json", "{0}/41/daemon.json: too many symlinks"),
    "in a folder of others": (
        "{0}/open/link",
        "{0}/open/link: another user can write the folder {0}/open and could redirect {0}/open/link to another file. "
        "Choose a folder that only root can write, or run the task as its owner (become_user).",
    ),
}


@pytest.fixture
def links(tmp_path):
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "0").mkdir()
    for number in range(1, 42):
        (tmp_path / str(number)).symlink_to(str(number - 1))
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "link").symlink_to(tmp_path / "0")
    return tmp_path


@pytest.mark.parametrize(("path", "refusal"), REFUSED_PATHS.values(), ids=REFUSED_PATHS)
def test_a_path_that_is_not_followed(links, path, refusal):
    with pytest.raises(files.FileError) as refused:
        files.resolve(path.format(links))
    assert str(refused.value) == refusal.format(links)


def test_forty_links_are_followed(links):
    assert files.resolve(f"{links}/40/daemon.json") == f"{links}/0/daemon.json"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
@pytest.mark.parametrize(
    ("owner", "user", "bits", "followed"),
    [
        (0, 1000, 0o755, True),
        (1000, 1000, 0o755, True),
        (1001, 1000, 0o755, False),
        (1001, 0, 0o755, False),
        (0, 0, 0o775, False),
        (0, 0, 0o757, False),
    ],
)
def test_whose_symlinks_are_followed(tmp_path, monkeypatch, owner, user, bits, followed):
    (tmp_path / "target").write_text("{}")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "target")
    folder.chmod(bits)
    os.chown(folder, owner, owner)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if followed:
        assert files.resolve(str(folder / "link")) == str(tmp_path / "target")
    else:
        with pytest.raises(files.FileError, match="another user can write"):
            files.resolve(str(folder / "link"))


def test_a_folder_or_a_pipe_is_no_file_of_this_collection(tmp_path):
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    file.write_text("{}")
    assert [files.read_own(str(path)) for path in (tmp_path, pipe, tmp_path / "none", file)] == [
        None,
        None,
        None,
        b"{}",
    ]


def test_what_is_no_configuration_file_is_not_read(tmp_path):
    assert files.read(str(tmp_path / "none")) is None
    limit = files.SIZE_LIMIT
    large, larger, pipe = (tmp_path / name for name in ("large", "larger", "pipe"))
    for path, size in ((large, limit), (larger, limit + 1)):
        with path.open("wb") as file:
            file.truncate(size)
    os.mkfifo(pipe)
    assert files.read(str(large)) == bytes(limit)
    for path, what in (
        (tmp_path, "not a regular file"),
        (pipe, "not a regular file"),
        (larger, f"larger than {limit} bytes"),
    ):
        with pytest.raises(files.FileError) as refused:
            files.read(str(path))
        advice = "Move it away, or name another path."
        assert str(refused.value) == f"{path}: {what}, so it is not a configuration file. {advice}"
    with pytest.raises(files.FileError) as refused:
        files.read(str(large / "file"))
    assert str(refused.value) == f"{large}/file: cannot be read: Not a directory"


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({}, "one \ufffd\ntwo\n"),
        ({"limit": 3}, "one"),
        ({"start": 6}, "two\n"),
        ({"limit": 2, "start": 6}, "tw"),
        ({"start": 100}, ""),
    ],
    ids=["all", "the first", "from a start", "within", "beyond"],
)
def test_the_text_of_a_file(tmp_path, limits, text):
    (tmp_path / "file").write_bytes(b"one \xff\ntwo\n")
    assert files.text_of(str(tmp_path / "file"), **limits) == text


def test_no_more_of_a_file_than_the_limit(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * (files.SIZE_LIMIT + 1))
    assert len(files.text_of(str(tmp_path / "file"))) == files.SIZE_LIMIT


def test_a_file_that_cannot_be_read_is_empty(tmp_path):
    assert files.text_of(str(tmp_path)) == files.text_of(str(tmp_path / "none")) == ""


def test_what_nobody_can_look_at_cannot_be_swapped(tmp_path):
    """Then the read gives the reason, and not that the folder belongs to another user."""
    assert not files.can_be_swapped(f"{tmp_path}/{'x' * 300}/file")
    assert not files.can_be_swapped(f"{tmp_path}/none/file")

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that lets a cache start and keeps it within its size, on real files."""

from __future__ import annotations

import grp
import json
import os
import pathlib
import subprocess
import sys

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import keeper

NOW = 1_800_000_000.0
ENTRY = {"Key": "library/a@sha256:1", "ExpiryData": "2027-01-01T00:00:00Z", "EntryType": 0}


def blob(root, number, used, size=8192, read=None):
    """Write a blob that was downloaded at a time, and read at another."""
    digest = f"{number:064x}"
    folder = root / f"docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}"
    folder.mkdir(parents=True)
    (folder / "data").write_bytes(b"x" * size)
    os.utime(folder / "data", (used if read is None else read, used))
    return folder


def upload(root, name, written):
    folder = root / f"docker/registry/v2/repositories/library/a/_uploads/{name}"
    folder.mkdir(parents=True)
    for file in ("data", "startedat"):
        (folder / file).write_bytes(b"x" * 4096)
        os.utime(folder / file, (written, written))
    return folder


def kept(*folders):
    return [folder.exists() for folder in folders]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("80%", 800), ("100%", 1000), ("2K", 2048), ("200G", 200 * 1024**3), ("1T", 1024**4)],
)
def test_a_limit(text, expected):
    assert keeper.limit_bytes(text, 1000) == expected


@pytest.mark.parametrize("text", ["", "0%", "101%", "-1G", "80", "80 %", "1.5G", "G", "9999999999G", "1g"])
def test_what_is_not_a_limit(text):
    assert keeper.limit_bytes(text, 1000) is None


def test_what_was_used_least_recently_goes(tmp_path):
    old, read, new = blob(tmp_path, 1, 100), blob(tmp_path, 2, 50, read=300), blob(tmp_path, 3, 200)
    total, _contents = keeper.survey([str(tmp_path)], NOW)
    deleted = keeper.trim(total - 1, [str(tmp_path)], NOW)
    assert kept(old, read, new) == [False, True, True] and [content.path for content in deleted] == [str(old)]
    left = keeper.survey([str(tmp_path)], NOW)[0]
    assert keeper.trim(left - 1, [str(tmp_path)], NOW) and kept(read, new) == [True, False]


def test_the_folders_are_within_the_limit_afterwards(tmp_path):
    for number in range(40):
        blob(tmp_path, number + 1, number)
    keeper.trim(150_000, [str(tmp_path)], NOW)
    left = keeper.survey([str(tmp_path)], NOW)[0]
    assert 120_000 < left <= 150_000
    shown = subprocess.run(["du", "-s", "-B1", tmp_path], capture_output=True, text=True, check=True).stdout
    assert left == int(shown.split()[0])


def test_nothing_goes_that_is_within_the_limit(tmp_path):
    folder = blob(tmp_path, 1, 100)
    assert keeper.trim(keeper.survey([str(tmp_path)], NOW)[0], [str(tmp_path)], NOW) == [] and folder.exists()


def test_only_blobs_and_uploads_that_are_left_over_can_go(tmp_path):
    """The links of a repository, the list of the scheduler, and an upload that is being written stay."""
    first, current = blob(tmp_path, 1, 100), upload(tmp_path, "11111111-1111-1111-1111-111111111111", NOW - 60)
    stale = upload(tmp_path, "22222222-2222-2222-2222-222222222222", NOW - 7200)
    link = tmp_path / f"docker/registry/v2/repositories/library/a/_layers/sha256/{1:064x}/link"
    link.parent.mkdir(parents=True)
    for path in (link, tmp_path / keeper.STATE):
        path.write_text("x")
    keeper.trim(0, [str(tmp_path)], NOW)
    assert kept(first, stale, current, link, tmp_path / keeper.STATE) == [False, False, True, True, True]


def test_an_upload_that_is_left_over_goes_first(tmp_path):
    folder = blob(tmp_path, 1, 100)
    stale = upload(tmp_path, "22222222-2222-2222-2222-222222222222", NOW - 7200)
    keeper.trim(keeper.survey([str(tmp_path)], NOW)[0] - 1, [str(tmp_path)], NOW)
    assert kept(folder, stale) == [True, False]


def test_no_other_folder_is_touched(tmp_path):
    ours, other = blob(tmp_path / "docker.io", 1, 100), blob(tmp_path / "other", 2, 50)
    keeper.trim(0, [str(tmp_path / "docker.io")], NOW)
    assert kept(ours, other) == [False, True]


def test_a_file_that_goes_meanwhile_is_no_error(tmp_path, monkeypatch):
    folder = blob(tmp_path, 1, 100)
    monkeypatch.setattr(keeper, "_walk", lambda folders: [(str(folder), ["data", "gone"])])
    assert keeper.survey([str(tmp_path)], NOW)[0] >= 8192


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"a": 1}', b'{"a": ["x"]}', b"\0" * 64, b"[" * 100_000],
    ids=range(9),
)
def test_a_damaged_list_of_the_scheduler_is_moved_away(tmp_path, data):
    (tmp_path / keeper.STATE).write_bytes(data)
    assert keeper.prepare(str(tmp_path)) == str(tmp_path / keeper.DAMAGED)
    assert os.listdir(tmp_path) == [keeper.DAMAGED] and (tmp_path / keeper.DAMAGED).read_bytes() == data


@pytest.mark.parametrize("state", [{}, {"library/a@sha256:1": ENTRY}])
def test_a_valid_list_stays(tmp_path, state):
    (tmp_path / keeper.STATE).write_text(json.dumps(state))
    assert keeper.prepare(str(tmp_path)) is None and os.listdir(tmp_path) == [keeper.STATE]


def test_no_list_is_fine(tmp_path):
    assert keeper.prepare(str(tmp_path)) is None


@pytest.fixture
def owners(monkeypatch):
    """Record who gets what, as only root may give files away."""
    given = []
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.append((user, group)))
    monkeypatch.setattr(os, "fchown", lambda descriptor, user, group: given.append((user, group)))
    return given


def test_what_a_cache_starts_with_is_copied(tmp_path, owners):
    key, folder = tmp_path / "key", tmp_path / "run/docker.io"
    key.write_bytes(b"secret")
    key.chmod(0o600)
    old = os.umask(0o027)
    try:
        for _start in range(2):
            keeper.stage(str(folder), grp.getgrgid(os.getegid()).gr_name, [f"tls.key={key}"])
            (folder.parent / "other").touch()
    finally:
        os.umask(old)
    assert (folder / "tls.key").read_bytes() == b"secret"
    modes = [path.stat().st_mode & 0o777 for path in (folder.parent, folder, folder / "tls.key")]
    assert modes == [0o755, 0o750, 0o440] and set(owners) == {(0, os.getegid())}


def test_a_copy_of_an_earlier_start_goes(tmp_path, owners):
    folder, source = tmp_path / "run/docker.io", tmp_path / "source"
    source.write_text("x")
    group = grp.getgrgid(os.getegid()).gr_name
    keeper.stage(str(folder), group, [f"tls.crt={source}"])
    keeper.stage(str(folder), group, [f"config.yml={source}"])
    assert os.listdir(folder) == ["config.yml"]


def test_it_runs_on_its_own(tmp_path):
    """The hosts have no Ansible."""
    blob(tmp_path, 1, 100, size=3 * 1024 * 1024)
    (tmp_path / keeper.STATE).touch()
    program = pathlib.Path(keeper.__file__)

    def run(*words):
        command = [sys.executable, "-I", program, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout

    assert run("trim", "2M", tmp_path).startswith("Deleted 1 blobs, 31")
    assert run("trim", "2M", tmp_path) == "Deleted 0 blobs, 0 bytes.\n"
    assert keeper.DAMAGED in run("prepare", tmp_path) and run("prepare", tmp_path) == ""

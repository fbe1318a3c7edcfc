# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the files of caches, put them back, and report them, on real files."""

from __future__ import annotations

import contextlib
import json
import os

import pytest

from ansible.module_utils.testing import patch_module_args

from ansible_collections.pullthrough.docker.plugins.module_utils._cache import (
    certificate,
    model,
    plan,
    report,
    snapshots,
    task,
    texts,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.modules import registry_cache


class Module:
    """What writing needs of a module."""

    params = {"unsafe_writes": False}  # noqa: RUF012

    @staticmethod
    def atomic_move(source, target, unsafe_writes=False):
        assert not unsafe_writes
        os.rename(source, target)

    fail_json = None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of the configurations."""
    monkeypatch.setattr(model, "CONFIGURATIONS", str(tmp_path / "etc"))
    monkeypatch.setattr(model, "PREVIOUS", str(tmp_path / "etc/previous.json"))
    monkeypatch.setattr(task.transaction.run_lock, "hold", lambda timeout: contextlib.nullcontext())
    return tmp_path / "etc"


@pytest.fixture
def host(monkeypatch):
    """A host whose cache runs, with what the test wrote."""
    made = snapshots.CacheHost()
    monkeypatch.setattr(made, "unit", lambda registry: snapshots.Unit("active", 1, True))
    monkeypatch.setattr(made, "is_active", lambda unit: True)
    monkeypatch.setattr(made, "listeners", list)
    monkeypatch.setattr(made, "version", lambda: "2.8.3")
    return made


def decision(folder, writes, files, previous=None):
    saved = previous or snapshots.Previous(files, ["docker.io"])
    made = plan.Plan(writes, [], [], False, previous is None, False, saved)
    return task.Decision(snapshots.Snapshot(files, {}, {}, True, [], "2.8.3", previous), made, [], [])


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_a_change_is_put_back(folder, host):
    folder.mkdir()
    old, new = folder / "docker.io.yml", folder / "ghcr.io.yml"
    old.write_bytes(texts.HEADER.encode())
    files = {str(old): texts.HEADER.encode(), str(new): None}
    task.write(Module, decision(folder, {str(old): b"changed", str(new): b"new"}, files), keeps_previous=True)
    assert old.read_bytes() == b"changed" and new.read_bytes() == b"new"
    assert [path.stat().st_mode & 0o777 for path in (new, folder / "previous.json")] == [0o640, 0o600]
    result = task.put_back(Module, host)
    assert result == {"has_work": True, "restart": ["docker.io"], "stop": []}
    assert content(folder) == {"docker.io.yml": texts.HEADER.encode()}
    assert task.put_back(Module, host)["has_work"] is False


def test_a_second_change_before_the_proof_keeps_the_first_state(folder, host):
    folder.mkdir()
    path = folder / "docker.io.yml"
    path.write_bytes(b"first")
    task.write(Module, decision(folder, {str(path): b"second"}, {str(path): b"first"}), keeps_previous=True)
    previous = snapshots.take(host, None).previous
    task.write(Module, decision(folder, {str(path): b"third"}, {str(path): b"second"}, previous), keeps_previous=True)
    task.put_back(Module, host)
    assert path.read_bytes() == b"first"


@pytest.mark.parametrize("data", [b"", b"[]", b'{"files": {"/a": 1}, "running": []}', b'{"files": {}}'])
def test_a_damaged_file_of_what_was_there_before_is_refused(folder, host, data):
    folder.mkdir()
    (folder / "previous.json").write_bytes(data)
    with pytest.raises(FileError, match=r"previous\.json is damaged.* Delete it"):
        task.put_back(Module, host)


def test_a_proved_change_is_not_put_back(folder, host):
    path = folder / "docker.io.yml"
    task.write(Module, decision(folder, {str(path): b"new"}, {str(path): None}), keeps_previous=True)
    task.confirm(Module, host)
    assert content(folder) == {"docker.io.yml": b"new"}


def test_files_are_put_back_if_one_cannot_be_written(folder, tmp_path):
    (tmp_path / "units").mkdir()
    (tmp_path / "units/broken").mkdir()
    first, second = folder / "docker.io.yml", tmp_path / "units/broken"
    edits = {str(first): b"new", str(second): b"text"}
    with pytest.raises(FileError, match="broken: not a regular file"):
        task.write(Module, decision(folder, edits, dict.fromkeys(edits)), keeps_previous=True)
    assert content(folder) == {}


def test_the_report_of_no_cache(folder, host):
    result, warnings = report.report(host)
    assert result["caches"] == [] and result["certificate"] is None and warnings == []


def test_the_report_of_a_cache(folder, host, monkeypatch, tmp_path):
    data = tmp_path / "data/docker.io"
    data.mkdir(parents=True)
    (data / "scheduler-state.json.damaged").touch()
    options = dict.fromkeys(model.Wish._fields)
    wish = model.Wish(**{**options, "ports": {"docker.io": 5000}, "name": "cache", "data": str(tmp_path / "data")})
    wish = wish._replace(credentials={}, metrics="", settings={}, max_size="80%", certificate="/c", key="/k")
    sources = {model.UNIT: texts._unit(wish), model.TRIM_SERVICE: texts._trim_service(wish)}
    folder.mkdir()
    (folder / "docker.io.yml").write_text(texts.configuration(wish, wish.instances[0]))
    (folder / "config.yml").write_text("version: 0.1\n")
    real = host.read
    monkeypatch.setattr(host, "read", lambda path: sources[path].encode() if path in sources else real(path))
    monkeypatch.setattr(host, "silence", lambda url, proxies: "no route")
    monkeypatch.setattr(host, "certificate", lambda *files: certificate.Certificate(0, host.now() + 86400 * 9.5))
    monkeypatch.setattr(report, "_answers", lambda url, certificates: True)
    result, warnings = report.report(host)
    (cache,) = result["caches"]
    assert (cache["registry"], cache["url"], cache["state"]) == ("docker.io", "https://cache:5000/", "active")
    assert cache["upstream"] == {"url": "https://registry-1.docker.io/", "answers": False, "reason": "no route"}
    assert (result["max_size"], result["certificate"]["days_left"], cache["hit_rate"]) == ("80%", 9, None)
    assert result["limit"] > 0
    for text in ("/c ends on", "upstream of the cache of docker.io does not answer: no route", "which was damaged"):
        assert text in " ".join(warnings)


def run_module(capsys, **options):
    with patch_module_args(options), pytest.raises(SystemExit):
        registry_cache.main()
    return json.loads(capsys.readouterr().out)


def test_a_password_is_never_shown(capsys):
    account = [{"key": "docker.io", "value": {"username": "ci", "password": "hush-hush"}}]
    result = run_module(capsys, ports={"docker.io": 5000}, certificate="/c", key="/k", credentials=account)
    assert result["failed"] and "registry_cache_private" in result["msg"] and "hush-hush" not in json.dumps(result)

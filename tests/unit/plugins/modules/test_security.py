# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole modules, run as root among what another user controls, and with secrets in every place."""

from __future__ import annotations

import json
import os
import shutil
import stat
import struct
import time

from typing import ClassVar

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, transaction

GCR = ["https://mirror.gcr.io"]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def every_mode(daemon_json, monkeypatch):
    """The modes of files in the folder of daemon.json at each step of a write, without the help of an umask."""
    seen = []

    def watch(owner, name):
        real = getattr(owner, name)

        def watched(*args, **kwargs):
            seen.extend(mode(path) for path in daemon_json.parent.iterdir())
            if name == "chmod":
                seen.append(args[1])
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    for owner, name in ((os, "chmod"), (os, "chown"), (os, "rename"), (os, "unlink"), (shutil, "copystat")):
        watch(owner, name)
    daemon_json.parent.mkdir()
    umask = os.umask(0)
    yield seen
    os.umask(umask)


class TestModes:
    def test_no_file_is_ever_wider_than_it_was(self, engine, run, daemon_json, every_mode):
        daemon_json.write_text('{"log-opts": {"splunk-token": "x"}}')
        daemon_json.chmod(0o600)
        every_mode.clear()
        (copy,) = run("registry_mirrors", mirrors=GCR, backup=True)["backups"]
        assert every_mode and set(every_mode) == {0o600}
        assert stat.S_IMODE(os.stat(copy["backup_file"]).st_mode) == mode(daemon_json) == 0o600

    def test_a_new_file_is_never_others_to_write(self, engine, run, daemon_json, every_mode):
        run("registry_mirrors", mirrors=GCR)
        assert mode(daemon_json) == 0o644 and every_mode and not any(each & 0o022 for each in every_mode)

    def test_what_is_staged_is_root_s_alone(self, engine, systemd, run, daemon_json, every_mode, monkeypatch):
        systemd.options.write_text('DOCKER_OPTS="--registry-mirror=https://a.example"\n')
        daemon_json.write_text('{"log-opts": {"splunk-token": "x"}}')
        daemon_json.chmod(0o600)
        systemd.options.chmod(0o600)
        every_mode.clear()
        staged = []
        staged_path = daemon_json.with_name(f"{transaction.STAGED_PREFIX}{daemon_json.name}")
        unstage = staticmethod(lambda path: staged.append(mode(staged_path)))
        monkeypatch.setattr(transaction.Transaction, "unstage", unstage)
        run("registry_mirrors", mirrors=GCR, migrate=True)
        assert staged and set(staged) == {0o600} == set(every_mode)

    def test_a_drop_in_is_no_wider_than_the_unit_that_it_repeats(self, engine, systemd, run):
        systemd.start("/usr/sbin/dockerd --log-opt splunk-token=x")
        systemd.unit.chmod(0o640)
        refused = run("registry_mirrors", mirrors=GCR, source="systemd_drop_in")["msg"]
        assert "the command line gains --log-opt splunk-token=***" in refused
        run("registry_mirrors", mirrors=GCR, source="systemd_drop_in", keep_containers=False)
        assert "splunk-token=x" in systemd.own.read_text() and mode(systemd.own) == 0o640

    def test_owner_and_mode_come_back_with_a_file_that_was_removed(self, nobody, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"before")
        path.chmod(0o640)
        os.chown(path, nobody.id, nobody.id)
        module = type(
            "Module",
            (),
            {
                "params": {"unsafe_writes": False},
                "atomic_move": lambda _self, one, two, unsafe_writes: os.rename(one, two),
                "fail_json": lambda _self, **result: pytest.fail(result["msg"]),
            },
        )
        files = transaction.Transaction(module())
        files.write(str(path), b"before", None)
        path.parent.chmod(0o755)
        assert files.undo() == [] and path.read_bytes() == b"before"
        assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (nobody.id, nobody.id, mode(path)) and not mode(
            path
        ) & 0o137

    def test_a_folder_s_access_list_lets_nobody_into_a_file_that_had_none(self, nobody, engine, run, tmp_path):
        path = nobody.folder / "daemon.json"
        path.write_text('{"debug": true}')
        path.chmod(0o640)
        entries = [(1, 7, -1), (2, 4, nobody.id), (4, 5, -1), (16, 7, -1), (32, 5, -1)]
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        os.setxattr(nobody.folder, "system.posix_acl_default", acl)
        engine.config_path = path
        assert run("registry_mirrors", mirrors=GCR)["changed"]
        assert mode(path) == 0o640 and not nobody.can(path.read_bytes)
        assert nobody.can(lambda: os.listdir(nobody.folder)), "the other user can come that far"


class TestFoldersOfOthers:
    @pytest.mark.parametrize("how", ["theirs", "all may write", "sticky"])
    @pytest.mark.parametrize("inside", ["", "ours/"])
    def test_nothing_is_written_where_another_user_could_lead_it_elsewhere(self, nobody, engine, run, how, inside):
        folder = nobody.folder / "lent"
        (folder / inside).mkdir(parents=True)
        path = folder / f"{inside}daemon.json"
        if how == "theirs":
            os.chown(folder, nobody.id, -1)
        else:
            folder.chmod(0o1777 if how == "sticky" else 0o777)
        engine.config_path = path
        result = run("registry_mirrors", mirrors=GCR)
        if how == "sticky" and inside:
            assert result["changed"] and path.exists(), "as a folder of ours in /tmp"
        else:
            assert result["failed"] and not result["changed"] and "another user can write" in result["msg"]
            assert not path.exists() and os.listdir(folder) == ([inside[:-1]] if inside else [])

    @pytest.mark.parametrize("name", ["registry_mirrors", "registry_mirrors_info", "daemon_config"])
    def test_a_file_of_ours_in_a_sticky_folder_is_not_used(self, nobody, engine, run, name):
        """Another user cannot replace it, but can put beside it what looks like the rest of a change."""
        nobody.folder.chmod(0o1777)
        path = nobody.folder / "daemon.json"
        path.write_text("{}")
        staged = nobody.folder / f"{transaction.STAGED_PREFIX}daemon.json"
        assert nobody.can(lambda: staged.write_text('{"registry-mirrors": ["https://theirs.example"]}'))
        engine.config_path = path
        options = {"registry_mirrors": {"mirrors": GCR}, "daemon_config": {"settings": {"debug": True}}}
        result = run(name, **options.get(name, {}))
        assert f"another user can write the folder {nobody.folder}" in json.dumps(result)
        assert "theirs.example" not in json.dumps(result) and path.read_text() == "{}"

    @pytest.mark.parametrize("whose", ["ours", "theirs", "group", "all", "link", "pipe"])
    def test_only_our_own_rest_of_a_change_is_believed(self, nobody, engine, run, daemon_json, tmp_path, whose):
        daemon_json.parent.mkdir()
        daemon_json.write_text("{}")
        staged = daemon_json.with_name(f"{transaction.STAGED_PREFIX}daemon.json")
        if whose == "pipe":
            os.mkfifo(staged, 0o600)
        else:
            target = tmp_path / "target" if whose == "link" else staged
            target.write_text('{"registry-mirrors": ["https://theirs.example"]}')
            target.chmod({"group": 0o660, "all": 0o606}.get(whose, 0o600))
            os.chown(target, nobody.id if whose == "theirs" else 0, -1)
            if whose == "link":
                staged.symlink_to(target)
        result = run("registry_mirrors", mirrors=GCR)
        assert result["changed"] and ("https://theirs.example/" in engine.mirrors) is (whose == "ours")
        assert os.listdir(daemon_json.parent) == ["daemon.json"]

    def test_a_folder_that_was_swapped_for_a_symlink_is_not_followed(self, nobody, engine, run, tmp_path):
        home = nobody.folder / "home"
        home.mkdir()
        os.chown(home, nobody.id, -1)
        assert nobody.can(lambda: (home / "docker").symlink_to(tmp_path))
        for task in (False, True):
            result = run("registry_mirrors", check=task, mirrors=GCR, path=str(home / "docker/daemon.json"))
            assert result["failed"] and "another user can write" in result["msg"]
        assert not (tmp_path / "daemon.json").exists()

    def test_a_secret_file_behind_another_user_s_symlink_is_not_quoted(self, nobody, engine, run, tmp_path):
        (tmp_path / "secret").write_text("root:hush")
        home = nobody.folder / "home"
        home.mkdir()
        os.chown(home, nobody.id, -1)
        assert nobody.can(lambda: (home / "daemon.json").symlink_to(tmp_path / "secret"))
        for name, options in (
            ("registry_mirrors", {"mirrors": GCR}),
            ("registry_mirrors_info", {}),
            ("daemon_config", {"settings": {"debug": True}}),
        ):
            result = run(name, path=str(home / "daemon.json"), **options)
            assert "another user can write" in json.dumps(result) and "hush" not in json.dumps(result)

    def test_certificates_go_through_no_symlink_of_another_user(
        self, nobody, engine, run, daemon_json, machine, tmp_path
    ):
        folder = nobody.folder / "certs.d"
        machine.certs = folder
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        folder.symlink_to(elsewhere)
        os.chown(nobody.folder, nobody.id, -1)
        (elsewhere / "a.example").mkdir()
        (elsewhere / "a.example" / "pullthrough-docker.crt").write_text("x")
        result = run("registry_mirrors", mirrors=["https://a.example"], state="absent")
        assert result["failed"] and "another user can write" in result["msg"]
        assert (elsewhere / "a.example" / "pullthrough-docker.crt").exists()


class TestWhatLiesInTheWay:
    def test_a_backup_follows_no_symlink_that_waits_at_its_name(self, engine, run, daemon_json, tmp_path, monkeypatch):
        daemon_json.parent.mkdir()
        daemon_json.write_text('{"debug": true}')
        monkeypatch.setattr(time, "strftime", lambda *_args: "now~")
        (tmp_path / "target").write_text("theirs")
        (daemon_json.parent / f"daemon.json.{os.getpid()}.now~").symlink_to(tmp_path / "target")
        (copy,) = run("registry_mirrors", mirrors=GCR, backup=True)["backups"]
        assert (tmp_path / "target").read_text() == "theirs"
        assert not os.path.islink(copy["backup_file"])

    def test_another_name_of_the_file_keeps_what_it_held(self, engine, run, daemon_json, tmp_path):
        daemon_json.parent.mkdir()
        daemon_json.write_text('{"debug": true}')
        os.link(daemon_json, tmp_path / "other")
        assert run("registry_mirrors", mirrors=GCR)["changed"]
        assert (tmp_path / "other").read_text() == '{"debug": true}'

    def test_a_folder_with_the_name_of_a_leftover_is_a_message(self, engine, run, daemon_json):
        (daemon_json.parent / f"{transaction.TEMP_PREFIX}x").mkdir(parents=True)
        result = run("registry_mirrors", mirrors=GCR)
        assert result["failed"] and "cannot be removed" in result["msg"] and not result["changed"]

    @pytest.mark.parametrize("name", ["registry_mirrors", "registry_mirrors_info", "daemon_config"])
    @pytest.mark.parametrize("what", ["pipe", "folder", "huge", "deep", "binary", "NUL", "numbers", "surrogate"])
    def test_a_file_that_is_none_is_a_message(self, engine, run, daemon_json, name, what):
        daemon_json.parent.mkdir()
        if what == "pipe":
            os.mkfifo(daemon_json)
        elif what == "folder":
            daemon_json.mkdir()
        elif what == "huge":
            with daemon_json.open("wb") as file:
                file.truncate(1 << 40)
        else:
            texts = {
                "deep": b'{"a":' * 50_000,
                "binary": bytes(range(256)),
                "NUL": b'{"a": "\0"}',
                "numbers": b'{"labels": ' + b"9" * 100_000 + b"}",
            }
            daemon_json.write_bytes(
                texts.get(what, b'{"labels": "\\ud800", "data-root": "\\u0000", "default-runtime": "\\ud800"}')
            )
        engine.settings = {"labels": [], "data-root": "/var/lib/docker", "default-runtime": "runc"}
        options = {
            "registry_mirrors": {"mirrors": GCR, "reload": False},
            "daemon_config": {"settings": {"debug": True}, "reload": False},
        }
        result = run(name, **options.get(name, {}))
        if what not in ("numbers", "surrogate"):
            assert str(daemon_json) in (result.get("msg") or result["sources"][0]["reason"])
        json.dumps(result, ensure_ascii=False).encode("utf-8")

    def test_an_options_file_that_is_too_large_is_a_message(self, engine, systemd, run):
        systemd.options.write_text('DOCKER_OPTS="--debug"\n' + "#" * (files.SIZE_LIMIT + 1))
        for name, options in (("registry_mirrors", {"mirrors": GCR}), ("registry_mirrors_info", {})):
            result = run(name, **options)
            assert result["failed"] and "larger than" in result["msg"]


ALL_MODULES = {
    "registry_mirrors": {"mirrors": GCR},
    "registry_mirrors_info": {},
    "registry_mirrors_health_info": {"mirrors": []},
    "registry_mirrors_canary": {"images": ["alpine"]},
    "daemon_config": {"settings": {"debug": True}},
}


class TestService:
    @pytest.mark.parametrize("name", ALL_MODULES)
    @pytest.mark.parametrize("service", ["", "*", "a b", "../x", "a/b", "\x1b[31m"])
    def test_a_name_that_is_a_pattern_or_a_path_is_refused(self, engine, run, daemon_json, name, service):
        result = run(name, service=service, **ALL_MODULES[name])
        assert result["failed"] and f"service is {service!r}, which cannot be the name" in result["msg"]
        assert "such as docker" in result["msg"] and "docker_mirror_service" in result["msg"]
        assert engine.looks == [] and not daemon_json.exists()

    @pytest.mark.parametrize("name", ALL_MODULES)
    def test_another_name_of_a_unit_is_refused(self, engine, systemd, run, daemon_json, monkeypatch, name):
        real = systemd.next_start
        monkeypatch.setattr(systemd, "next_start", lambda service: real(service)._replace(alias_of="moby"))
        result = run(name, **ALL_MODULES[name])
        assert result["failed"] and "only another name of the unit moby. " in result["msg"] and not daemon_json.exists()

    COMMANDS: ClassVar = {
        # command of the unit: what it starts, None where a drop-in can be written
        "/usr/sbin/sshd -D --token=hush": "/usr/sbin/sshd -D --token=***",
        "/usr/bin/dockerd-wrapper": "/usr/bin/dockerd-wrapper",
        "": "nothing",
        "/usr/bin/env A=1 /opt/dockerd --debug": None,
        "{script}": None,
    }

    @pytest.mark.parametrize(("command", "starts"), COMMANDS.items())
    def test_a_drop_in_is_for_a_unit_that_starts_an_engine(self, engine, systemd, run, monkeypatch, command, starts):
        systemd.start(command.format(script="/usr/bin/start-engine"))
        if command == "{script}":
            real = systemd.next_start
            monkeypatch.setattr(systemd, "next_start", lambda name: real(name)._replace(script="/usr/bin/start-engine"))
        result = run("registry_mirrors", mirrors=GCR, source="systemd_drop_in", keep_containers=False)
        if starts is None:
            assert result["changed"] and systemd.own.exists()
        else:
            assert f"docker.service does not start dockerd: it starts {starts}" in result["msg"]
            assert result["failed"] and not systemd.own.exists()


SECRETS = {
    "proxies": {"http-proxy": "http://me:hush@p.example", "https-proxy": "me:hush@p.example:3128"},
    "log-opts": {"splunk-token": "hush hush", "env": "A"},
    "labels": ["token=hush hush"],
}


class TestSecrets:
    @pytest.mark.parametrize("source", ["daemon_json", "options_file", "systemd_drop_in"])
    @pytest.mark.parametrize("check", [False, True])
    def test_no_secret_of_any_place_is_returned(self, engine, systemd, run, daemon_json, source, check):
        daemon_json.parent.mkdir()
        daemon_json.write_text(json.dumps(SECRETS))
        systemd.start("/usr/sbin/dockerd --http-proxy=me:hush@p.example $DOCKER_OPTS")
        systemd.unit.write_text(
            systemd.unit.read_text() + 'Environment="HTTP_PROXY=me:hush@p.example" "SPLUNK_TOKEN=hush hush"\n'
        )
        systemd.options.write_text(
            'DOCKER_OPTS="--exec-opt x-password=hush,hush"\nHTTPS_PROXY=http://me:hu/hush@p.example\n'
        )
        engine.settings = {"labels": ["token=hush other"]}
        result = run("registry_mirrors", check, mirrors=GCR, source=source, keep_containers=False, backup=True)
        assert not result.get("failed"), result
        assert result["diff"] and "hush" not in json.dumps(result)
        for info in (
            run("registry_mirrors_info"),
            run("daemon_config", check, settings={"debug": True}, keep_containers=False),
        ):
            assert "hush" not in json.dumps(info)

    def test_no_secret_of_a_mirror_is_returned(self, engine, systemd, run, daemon_json):
        daemon_json.parent.mkdir()
        daemon_json.write_text('{"registry-mirrors": ["https://me:hush@a.example"]}')
        engine.mirrors = ["https://me:hush@b.example/"]
        results = [
            run("registry_mirrors_info"),
            run("registry_mirrors", mirrors=GCR),
            run("registry_mirrors", mirrors=GCR, exclusive=True),
        ]
        systemd.options.write_text('DOCKER_OPTS="--registry-mirror=https://me:hush@c.example"\n')
        daemon_json.write_text("{}")
        results += [run("registry_mirrors_info"), run("registry_mirrors", mirrors=GCR, migrate=True, exclusive=True)]
        results.append(run("registry_mirrors", mirrors=["https://c.example"], state="absent", source="options_file"))
        for result in results:
            assert "hush" not in json.dumps(result)
        assert "***" in json.dumps(results[0]) and "***" in json.dumps(results[3])

    def test_the_engine_s_line_is_masked(self, engine, run, daemon_json):
        engine.refuses = "mirror.gcr.io"
        real = engine.reload
        said = 'level=error msg="Error reconfiguring the daemon: \\"splunk-token\\": \\"hush\\" \x1b[31m"'
        engine.reload = lambda *args, **options: said if real(*args, **options) else None
        result = run("registry_mirrors", mirrors=GCR)
        assert result["failed"] and "hush" not in result["msg"] and "\x1b" not in result["msg"]

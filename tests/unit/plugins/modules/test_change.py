# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that change something have in common: refusals, consent, several files, going back, returns."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pathlib
import signal
import time
import types

from typing import ClassVar

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engines,
    files,
    host,
    programs,
    run_lock,
    services,
    transaction,
)
from ansible_collections.pullthrough.docker.tests.unit.model import lock_folder

GCR = "https://mirror.gcr.io"
OWN = "https://cache.example:5000"
DEBUG = {"settings": {"debug": True}}
BIP = {"settings": {"bip": "10.0.0.1/24"}}
FLAG = f"--registry-mirror={GCR}"
PEM = (pathlib.Path(__file__).parent / "ca.crt").read_text()


def given(daemon_json, text):
    daemon_json.parent.mkdir()
    if text is not None:
        daemon_json.write_text(text)


def held(daemon_json):
    return daemon_json.read_text() if daemon_json.exists() else None


@pytest.fixture(autouse=True)
def shown(engine):
    """What the engine shows."""
    engine.settings = {"debug": False, "labels": []}


RESTART = "restart it, which stops containers unless live-restore is on."


@pytest.mark.parametrize(
    ("state", "advice"),
    {
        "unreachable": "Fix what this message or the engine's log names (journalctl -u other -n 50). "
        f"If the engine hangs, {RESTART}",
        "starting": "Run this again in a minute. If the engine is still starting then, look into its log "
        f"(journalctl -u other -n 50), and {RESTART}",
        "ambiguous": "Set service (docker_mirror_service in the role) to the service of the one that you mean.",
    }.items(),
)
def test_an_engine_that_cannot_be_asked(engine, run, daemon_json, state, advice):
    engine.state = state
    result = run("daemon_config", service="other", **DEBUG)
    assert result["failed"] and not result["changed"] and not daemon_json.exists()
    assert result["msg"] == f"The Docker Engine is {state}: it is {state}. Nothing was changed. {advice}"


def test_the_engine_and_the_file_that_are_named(engine, run, daemon_json, tmp_path):
    run("daemon_config", service="other", timeout=3, **DEBUG)
    run("registry_mirrors", service="other", timeout=3, mirrors=GCR)
    assert set(engine.looks) == {("other", 3)}
    assert engine.reloads == [("other", 3, True), ("other", 3, False)], (
        "what the engine does not show is proven by its event"
    )
    path = tmp_path / "another.conf"
    result = run("daemon_config", path=str(path), **BIP)
    assert result["path"] == str(path) and json.loads(path.read_text()) == BIP["settings"]


@pytest.mark.parametrize("check", [True, False])
def test_a_file_that_the_running_engine_does_not_read(engine, run, daemon_json, tmp_path, check):
    path = tmp_path / "deamon.json"
    for result in (
        run("daemon_config", check=check, path=str(path), **DEBUG),
        run("registry_mirrors", check=check, path=str(path), mirrors=GCR),
    ):
        assert result["failed"] and not result["changed"]
        assert result["msg"] == (
            f"path is {path}, but the engine reads {daemon_json}. Nothing was changed. "
            "Take out path, or first start the engine with --config-file and this path."
        )
    assert not path.exists() and engine.reloads == []


def test_a_symlink_to_the_file_that_the_engine_reads(engine, run, daemon_json, tmp_path):
    given(daemon_json, "{}")
    path = tmp_path / "link.json"
    path.symlink_to(daemon_json)
    assert run("registry_mirrors", path=str(path), mirrors=GCR)["reloaded"]


def test_a_file_that_no_engine_reads_yet_without_a_reload(engine, run, daemon_json, tmp_path):
    path = tmp_path / "later.json"
    assert run("registry_mirrors", path=str(path), mirrors=GCR, reload=False)["changed"]
    assert path.exists()


class TestFlags:
    """Settings of the file that a command line has as well."""

    def message(self, daemon_json, who, flag, places, setting):
        return (
            f"The engine ({who}) has {flag} on its command line{places}. An engine that also has {setting} in "
            f"{daemon_json} does not "
            "start. Nothing was changed. Remove one of the two. If you remove the flag, restart the engine. Then "
            "run this again."
        )

    def test_now(self, engine, run, daemon_json):
        engine.argv += ("-D",)
        assert run("daemon_config", **DEBUG)["msg"] == self.message(daemon_json, "process 4711", "-D", "", "debug")

    @pytest.mark.parametrize("state", ["running", "stopped"])
    def test_later(self, engine, run, daemon_json, systemd, state):
        engine.state = state
        systemd.start("/usr/sbin/dockerd -D $DOCKER_OPTS")
        systemd.options.write_text("# note\nDOCKER_OPTS=-D\n")
        places = f" ({systemd.unit}, line 3 and {systemd.options}, line 2)"
        assert run("daemon_config", **DEBUG)["msg"] == self.message(
            daemon_json, "the service docker, at its next start", "-D", places, "debug"
        )

    def test_one_that_ends_with_the_restart(self, engine, run, daemon_json, systemd):
        engine.argv += ("--bip=10.0.0.1/24",)
        assert run("daemon_config", **BIP)["pending"] == "restart"

    def test_a_fault_there(self, engine, run, daemon_json, systemd):
        systemd.options.write_text('DOCKER_OPTS="${DOCKER_OPTS} --icc"\n')
        fault = (
            f"{systemd.options}, line 1: DOCKER_OPTS refers to a variable, which systemd does not expand; the "
            "engine gets it as a word and does not "
            "start. Write the whole value there"
        )
        assert run("daemon_config", **DEBUG)["warnings"] == [f"The engine will fail at its next start. {fault}."]
        result = run("daemon_config", **BIP)
        assert (result["msg"], result["warnings"]) == (f"{fault}. Nothing was changed.", [])


class TestInstalled:
    """What the installed dockerd says of the file, before it is written."""

    @pytest.fixture
    def dockerd(self, engine, monkeypatch, tmp_path):
        """A program that knows its version, and that no file may hold the key bip; calls are noted."""
        program = tmp_path / "dockerd"
        program.write_text(
            '#!/bin/sh\n[ "$1" != --version ] || { echo "Docker version 28.5.2, build 1"; exit; }\n'
            'case $(cat) in *bip*) echo "in /dev/stdin: Go struct field Config.bip of type int"; exit 1;; esac\n'
        )
        program.chmod(0o755)
        engine.binary = str(program)
        calls, honest = [], programs.run

        def noted(command, timeout, data=b""):
            calls.append((command[1:], timeout, data))
            return honest(command, timeout, data)

        monkeypatch.setattr(programs, "run", noted)
        return calls

    @pytest.mark.parametrize(
        ("state", "options", "flags"),
        [
            ("running", DEBUG, []),
            ("running", {"settings": {"mtu": 1400}}, ["--icc=false"]),
            ("stopped", DEBUG, ["--icc=false"]),
        ],
        ids=["reload", "restart", "start"],
    )
    def test_it_is_asked_with_the_flags_that_will_be(
        self, engine, run, daemon_json, systemd, dockerd, state, options, flags
    ):
        engine.state = state
        systemd.options.write_text("DOCKER_OPTS=--icc=false\n")
        run("daemon_config", check=True, timeout=7, **options)
        assert [timeout for _words, timeout, _data in dockerd] == [7, 7, 7]
        words, _timeout, data = dockerd[-1]
        assert (
            words == ["-H", "fd://", *flags, "--config-file=/dev/stdin", "--validate"]
            and json.loads(data) == options["settings"]
        )

    def test_without_a_file(self, engine, run, daemon_json, dockerd):
        engine.settings["debug"] = True
        assert run("daemon_config", remove=["debug"])["reloaded"]
        assert dockerd[2] == (["-H", "fd://", "--config-file=/dev/stdin", "--validate"], 10, b"{}")

    def test_nothing_to_do(self, engine, run, daemon_json, dockerd):
        given(daemon_json, '{"debug": false, "bip": ""}')
        run("daemon_config", settings={"debug": False})
        assert dockerd == []

    @pytest.mark.parametrize("check", [True, False])
    def test_it_objects(self, engine, run, daemon_json, dockerd, check):
        given(daemon_json, "{\n}")
        result = run("daemon_config", check=check, **BIP)
        assert result["msg"] == (
            f"settings, for {daemon_json}: the installed Docker Engine would refuse this file: in {daemon_json}: "
            "Go struct field Config.bip of type int. Nothing was changed. "
            "Fix it there and run this again."
        )
        assert held(daemon_json) == "{\n}"

    def test_it_is_older_than_the_one_that_runs(self, engine, run, daemon_json, dockerd):
        program = pathlib.Path(engine.binary)
        program.write_text(program.read_text().replace("28.5.2", "20.10.24"))
        message = (
            'settings: Docker Engine before 23.0 does not know the key "x" and '
            "would not start. Nothing was changed. Remove it."
        )
        assert run("daemon_config", settings={"x": 1})["msg"] == message


class TestConsent:
    """What a change would do besides."""

    TEXT = '{\n  "data-root": "/mnt/new",\n  "debug": true,\n  "labels": ["a=https://me:pa55@x"]\n}\n'

    @pytest.fixture(autouse=True)
    def shown(self, engine):
        engine.settings = {"data-root": "/var/lib/docker", "storage-driver": "overlay2", "debug": False, "labels": []}

    def told(self, daemon_json):
        return (
            f"{daemon_json}, line 3: debug is True, and the engine uses False; "
            f"{daemon_json}, line 4: labels is ['a=https://***@x'], and the engine uses []"
        )

    @pytest.mark.parametrize("check", [True, False])
    def test_a_reload_warns(self, engine, run, daemon_json, check):
        given(daemon_json, self.TEXT)
        engine.containers_running = 3
        warning = (
            f"The reload also applies what someone changed since the engine read the file: {self.told(daemon_json)}."
        )
        assert run("registry_mirrors", check=check, mirrors=GCR)["warnings"] == [warning]

    @pytest.mark.parametrize(
        ("options", "pending"),
        [({"mirrors": GCR, "reload": False}, "reload"), ({"mirrors": OWN}, "none")],
        ids=["no reload", "nothing to bring into force"],
    )
    def test_nothing_to_say(self, engine, run, daemon_json, options, pending):
        given(daemon_json, self.TEXT)
        engine.mirrors = [OWN + "/"]
        engine.containers_running = 3
        result = run("registry_mirrors", **options)
        assert (result["changed"], result["pending"], result["warnings"]) == (True, pending, [])

    def test_mirrors_are_no_edit_of_someone_else(self, engine, run, daemon_json):
        given(daemon_json, f'{{"registry-mirrors": ["{GCR}"]}}')
        assert run("daemon_config", **DEBUG)["warnings"] == []

    @pytest.mark.parametrize("check", [True, False])
    def test_a_restart_is_refused(self, engine, run, daemon_json, check):
        given(daemon_json, self.TEXT)
        result = run("daemon_config", check=check, settings={"bip": "10.0.0.1/24", "mtu": 1400})
        assert result["msg"] == (
            "Only a restart brings this into force (the engine reads bip only at its start; the engine reads mtu "
            "only at its start), and it would also "
            f"apply what someone changed since the engine read its configuration: {daemon_json}, line 2: "
            "data-root is /mnt/new, and the engine uses "
            f"/var/lib/docker; {self.told(daemon_json)}. Nothing was changed. Undo that or bring it into force "
            "first, or allow it with "
            "keep_containers: false."
        )
        assert held(daemon_json) == self.TEXT

    @pytest.mark.parametrize(
        ("running", "coming", "told"),
        [
            ("-H fd://", "-H fd:// --log-level=warn", "the command line gains --log-level=warn"),
            ("-H fd:// --log-level=warn", "-H fd://", "the command line loses --log-level=warn"),
            (
                "--mtu 1400 -H fd://",
                "-H fd:// --mtu 1500",
                "the command line loses --mtu 1400; the command line gains --mtu 1500",
            ),
            (
                "--dns=a --dns=b",
                "--dns=a --dns=a --dns=c",
                "the command line loses --dns=b; the command line gains --dns=a --dns=c",
            ),
            ("-H fd:// --log-level=warn", "--log-level=warn -H fd://", None),
            (f"--registry-mirror {OWN} -H fd:// --registry-mirror={GCR}", f"-H fd:// --registry-mirror={OWN}", None),
            ("--bip 10.0.0.2/24 -H fd:// -D", "-H fd:// -D", None),
            ("-H fd://", "-H fd:// --data-root=/srv/%i", None),
        ],
    )
    def test_a_restart_after_an_edit_of_the_flags(self, engine, run, systemd, running, coming, told):
        engine.argv = ("dockerd", *running.split())
        systemd.start(f"/usr/sbin/dockerd {coming}")
        result = run("daemon_config", check=True, **BIP)
        assert result.get("msg") == (
            told
            and "Only a restart brings this into force (the engine reads bip only at its start), and it would "
            "also apply what someone changed since the "
            f"engine read its configuration: {told}. Nothing was changed. Undo that or bring it into force first, "
            "or allow it with "
            "keep_containers: false."
        )
        allowed = run("daemon_config", keep_containers=False, **BIP)
        assert allowed["pending"] == "restart", allowed

    @pytest.mark.parametrize(("program", "state"), [("/usr/bin/wrapper", "running"), ("/usr/sbin/dockerd", "stopped")])
    def test_flags_of_a_start_that_cannot_be_compared(self, engine, run, systemd, program, state):
        engine.state = state
        systemd.start(f"{program} --log-level=warn")
        assert "failed" not in run("daemon_config", **BIP)

    @pytest.mark.parametrize(("options", "refused"), [("", False), ("--log-level=warn", True)])
    def test_an_init_script_adds_words(self, engine, machine, run, options, refused):
        engine.argv += ("-p", "/var/run/docker.pid")
        start = services.Start("docker", "shell", ("dockerd", "-H", "fd://", *options.split()), [], [], [], None)
        machine.next_start = lambda service: start
        assert run("daemon_config", **BIP).get("failed", False) is refused

    @pytest.mark.parametrize(("store", "refused"), [("graphdriver", True), ("containerd", False)])
    def test_the_containerd_store_has_storage_drivers_of_other_names(self, engine, run, daemon_json, store, refused):
        given(daemon_json, '{"storage-driver": "vfs"}')
        engine.store = store
        assert run("daemon_config", **BIP).get("failed", False) is refused

    def test_containers_would_stop(self, engine, run, daemon_json):
        engine.containers_running = 1
        assert run("daemon_config", settings={"bip": "10.0.0.1/24", "mtu": 1400})["msg"] == (
            "Only a restart brings this into force (the engine reads bip only at its start; the engine reads mtu "
            "only at its start), and it would stop "
            "1 running container(s). Nothing was changed. "
            "Allow it with keep_containers: false, or keep them "
            "through it with live-restore: true "
            "in the engine's configuration."
        )

    @pytest.mark.parametrize(("keep", "live_restore"), [(False, False), (True, True)])
    def test_containers_would_not_stop_or_may(self, engine, run, daemon_json, keep, live_restore):
        engine.containers_running, engine.live_restore = 1, live_restore
        assert run("daemon_config", keep_containers=keep, **BIP)["pending"] == "restart"

    def test_allowed(self, engine, run, daemon_json):
        given(daemon_json, self.TEXT)
        result = run("daemon_config", keep_containers=False, **BIP)
        assert (result["pending"], result["pending_reasons"], result["warnings"]) == (
            "restart",
            ["the engine reads bip only at its start"],
            [],
        )


class TestFiles:
    """Several files, other runs, and failures."""

    def three_places(self, engine, daemon_json, systemd):
        """Mirrors in the unit, in the options file and in daemon.json."""
        given(daemon_json, f'{{"registry-mirrors": ["{OWN}"]}}')
        systemd.start(f"/usr/sbin/dockerd $DOCKER_OPTS {FLAG}")
        systemd.options.write_text(f'DOCKER_OPTS="{FLAG}2"\n')
        return {path: path.read_text() for path in (systemd.unit, systemd.options, daemon_json)}

    def test_another_run_holds_the_lock(self, engine, run, daemon_json, systemd):
        """Whatever it changes: there is one lock for all files."""
        before = self.three_places(engine, daemon_json, systemd)
        with run_lock.hold(0):
            result = run("registry_mirrors", mirrors=GCR, migrate=True, timeout=0)
        command = pathlib.Path("/proc/self/cmdline").read_text().replace("\0", " ").strip()
        assert result["msg"].startswith(
            f"{lock_folder()}/pullthrough-docker.lock: another run has held its lock for 0 s: process {os.getpid()} "
            f"({command[:50]}"
        )
        assert result["msg"].endswith(
            "). Nothing was changed. Wait until it has ended, or end it if it hangs. Then run this again."
        )
        assert before == {path: path.read_text() for path in before}

    def test_another_user_who_locks_the_folder_stops_nothing(self, nobody, engine, run):
        engine.config_path = nobody.folder / "daemon.json"
        ready = nobody.folder / "theirs"
        ready.mkdir()
        os.chown(ready, nobody.id, -1)

        def hold():
            fcntl.flock(os.open(nobody.folder, os.O_RDONLY), fcntl.LOCK_EX)
            (ready / "locked").touch()
            signal.pause()

        nobody.start(hold)
        deadline = time.monotonic() + 10
        while not (ready / "locked").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert run("registry_mirrors", mirrors=GCR, timeout=0)["changed"]

    def test_another_run_did_it_meanwhile(self, engine, run, daemon_json, monkeypatch):
        lock = transaction.lock

        def after_another(folders, timeout):
            daemon_json.write_text('{"debug": true}')
            engine.settings["debug"] = True
            return lock(folders, timeout)

        given(daemon_json, "{}")
        monkeypatch.setattr(transaction, "lock", after_another)
        result = run("daemon_config", **DEBUG)
        assert (result["changed"], result["reloaded"], result["diff"], engine.texts) == (False, False, [], [])

    def test_copies(self, engine, run, daemon_json, certs):
        def checksum(path):
            return hashlib.sha256(path.read_bytes()).hexdigest()

        certificate = certs / "cache.example:5000/pullthrough-docker.crt"
        options = {"mirrors": OWN, "backup": True}
        assert run("registry_mirrors", **options, ca_certificates={"cache.example:5000": PEM})["backups"] == [
            {"path": str(certificate), "backup_file": None, "checksum": checksum(certificate)},
            {"path": str(daemon_json), "backup_file": None, "checksum": checksum(daemon_json)},
        ]
        before = [certificate.read_text(), daemon_json.read_text()]
        entries = run("registry_mirrors", **options, state="absent")["backups"]
        assert [(entry["path"], entry["checksum"]) for entry in entries] == [
            (str(certificate), ""),
            (str(daemon_json), checksum(daemon_json)),
        ]
        assert [pathlib.Path(entry["backup_file"]).read_text() for entry in entries] == before
        assert run("registry_mirrors", mirrors=OWN)["backups"] == []

    def fail_at(self, monkeypatch, path, before_that=lambda: None):
        """Let there be no space for this file."""
        replace = transaction.Transaction._replace

        def full(transaction, target, data, create):
            if target == str(path):
                before_that()
                raise files.FileError("No space left on device.")
            return replace(transaction, target, data, create)

        monkeypatch.setattr(transaction.Transaction, "_replace", full)

    def test_a_write_that_fails_takes_the_others_back(self, engine, run, daemon_json, systemd, monkeypatch):
        before = self.three_places(engine, daemon_json, systemd)
        self.fail_at(monkeypatch, daemon_json)
        result = run("registry_mirrors", mirrors=GCR, migrate=True)
        assert (result["msg"], result["changed"]) == ("No space left on device. Nothing was changed.", False)
        assert before == {path: path.read_text() for path in before}
        assert [os.listdir(path.parent) for path in before] == [[path.name] for path in before]

    def test_others_that_someone_else_wrote_meanwhile_stay_so(self, engine, run, daemon_json, systemd, monkeypatch):
        self.three_places(engine, daemon_json, systemd)
        both = [systemd.unit, systemd.options]
        self.fail_at(monkeypatch, daemon_json, lambda: [path.write_text("# mine\n") for path in both])
        result = run("registry_mirrors", mirrors=GCR, migrate=True)
        left = f"{systemd.unit} was changed by someone else meanwhile and was left as they wrote it"  # It stops there.
        states = [
            f"{path} is {state}"
            for path, state in zip(
                [*reversed(both), daemon_json], ["neither as before nor as wanted"] * 2 + ["as before"]
            )
        ]
        message = f"No space left on device. Going back did not succeed: {left}. Now {'; '.join(states)}."
        assert (result["msg"], result["changed"]) == (message, True)
        assert [path.read_text() for path in both] == ["# mine\n"] * 2

    def test_a_certificate_that_cannot_be_written(self, engine, run, daemon_json, certs, monkeypatch):
        self.fail_at(monkeypatch, certs / "cache.example:5000/pullthrough-docker.crt")
        result = run("registry_mirrors", mirrors=OWN, ca_certificates={"cache.example:5000": PEM})
        assert (result["msg"], result["changed"]) == ("No space left on device. Nothing was changed.", False)
        assert not daemon_json.exists() and not certs.exists()

    def test_systemd_reads_what_changed(self, engine, run, daemon_json, systemd, certs):
        options = {"mirrors": OWN, "source": "systemd_drop_in"}
        run("registry_mirrors", **options)
        assert systemd.daemon_reloads == 1
        run("registry_mirrors", **options, ca_certificates={"cache.example:5000": PEM})
        assert systemd.daemon_reloads == 1, "the drop-in is the same"
        run("registry_mirrors", mirrors=OWN, source="options_file", migrate=True)
        assert systemd.daemon_reloads == 2, "the drop-in is gone"
        run("registry_mirrors", mirrors=GCR, source="options_file")
        assert systemd.daemon_reloads == 2, "the options file is read at the start"
        systemd.start(f"/usr/sbin/dockerd {FLAG}")
        run("registry_mirrors", mirrors=GCR, migrate=True)
        assert systemd.daemon_reloads == 3, "the unit itself"

    def test_systemd_is_left_to_read_what_someone_else_changed(self, engine, run, daemon_json, systemd):
        systemd.needs_daemon_reload = "yes"
        engine.mirrors = [GCR + "/"]
        given(daemon_json, f'{{"registry-mirrors": ["{GCR}"]}}')
        assert not run("registry_mirrors", mirrors=GCR)["changed"] and systemd.daemon_reloads == 0

    def test_systemd_cannot_read_it(self, engine, run, systemd):
        systemd.systemctl = lambda *words: (1, "Failed to connect to bus\n")
        result = run("registry_mirrors", mirrors=OWN, source="systemd_drop_in")
        assert result["msg"] == "systemctl daemon-reload failed: Failed to connect to bus. Nothing was changed."
        assert not result["changed"] and os.listdir(systemd.drop_ins) == []


class TestGoingBack:
    """After a reload that the engine refused: of its first one here it has applied half."""

    @pytest.fixture
    def refusing(self, engine):
        """What happens during each reload, after the engine has taken the file; a text is its refusal."""
        happens, honest = [lambda: "it has half of it"], engine.reload

        def reload(known, in_force, timeout, **more):
            taken = honest(known, in_force, timeout, **more)
            return happens.pop(0)() if happens else taken

        engine.reload = reload
        return happens

    def back(self, daemon_json, shown):
        return (
            f"The engine did not accept the change: it has half of it. {daemon_json} and what is in force are as "
            f"they were ({shown}); "
            "no container was touched. Fix what the engine reports and run this again."
        )

    def not_back(self, daemon_json, file, engine, *problems):
        return (
            "The engine did not accept the change: it has half of it. Going back did not succeed: "
            f"{'; '.join(problems)}. "
            f"Now {daemon_json} is {file}; the engine is {engine}. The engine's log says more. "
            "Fix what the engine reports and run this again."
        )

    BACK: ClassVar = {
        # name: (settings, file before, what was in force, texts at the second reload)
        "not shown": ({"max-concurrent-uploads": 9}, "{}", "none shown", {}),
        "not shown, and no file": ({"max-concurrent-uploads": 9}, None, "none shown", {}),
        "shown": ({"debug": True}, '{"x": 1}', "debug: False", {"x": 1, "debug": False}),
        "shown, and no file": ({"debug": True}, None, "debug: False", {"debug": False}),
        "in the file already": ({"debug": True}, '{"debug": false}', "debug: False", {"debug": False}),
        "two": (
            {"labels": [], "debug": True},
            "{}",
            "labels: a=https://***@x b=2; debug: False",
            {"labels": ["a=https://me:pa55@x", "b=2"], "debug": False},
        ),
        "mirrors, none": ({"registry-mirrors": [GCR]}, "{}", "registry-mirrors: none", {"registry-mirrors": []}),
    }

    @pytest.mark.parametrize(("settings", "before", "was", "text"), BACK.values(), ids=BACK)
    def test_all_is_as_it_was(self, engine, run, daemon_json, refusing, settings, before, was, text):
        given(daemon_json, before)
        engine.settings["labels"] = ["a=https://me:pa55@x", "b=2"]
        in_force = engine.info
        result = run("daemon_config", service="other", timeout=3, settings=settings)
        assert (result["msg"], result["changed"]) == (self.back(daemon_json, was), False)
        assert held(daemon_json) == before and engine.info == in_force
        assert json.loads(engine.texts[-1]) == text
        assert engine.reloads == [("other", 3, True), ("other", 3, False)]
        assert set(engine.looks) == {("other", 3)}

    def test_an_engine_that_took_nothing_is_left_alone(self, engine, run, daemon_json):
        engine.refuses, engine.mirrors = "gcr", [OWN + "/"]
        message = run("registry_mirrors", mirrors=GCR)["msg"]
        assert f"are as they were (registry-mirrors: {OWN}/); " in message and len(engine.reloads) == 1

    def test_labels_in_another_order_are_as_they_were(self, engine, run, daemon_json):
        engine.settings["labels"], honest = ["a=1", "b=2"], engine.reload

        def reload(known, in_force, timeout, **more):
            def in_another_order(info):
                return in_force(info._replace(settings={**info.settings, "labels": info.settings["labels"][::-1]}))

            taken = honest(known, in_another_order, timeout, **more)
            return taken if len(engine.reloads) > 1 else "it has half of it"

        engine.reload = reload
        assert run("daemon_config", settings={"labels": []})["msg"] == self.back(daemon_json, "labels: a=1 b=2")

    def test_an_engine_that_cannot_be_asked_any_more(self, engine, run, daemon_json, refusing):
        given(daemon_json, "{}")

        def dies():
            engine.state = "unreachable"
            return "it has half of it"

        refusing[0] = dies
        result = run("daemon_config", **DEBUG)
        problem = (
            "whether the engine still uses what it used before (debug: False) is unknown, as it is "
            "unreachable: it is unreachable"
        )
        assert (result["msg"], result["changed"]) == (
            self.not_back(daemon_json, "as before", "unreachable (it is unreachable)", problem),
            True,
        )
        assert held(daemon_json) == "{}" and len(engine.reloads) == 1

    def test_an_engine_that_does_not_go_back(self, engine, run, daemon_json, refusing):
        given(daemon_json, "{}")
        refusing.append(lambda: "it shows the old state")
        result = run("daemon_config", **DEBUG)
        problem = "the engine did not go back to what it had (debug: False): it shows the old state"
        assert (result["msg"], result["changed"]) == (
            self.not_back(daemon_json, "as before", "as before", problem),
            True,
        )
        assert held(daemon_json) == "{}"

    ENGINES: ClassVar = ["as wanted (debug: True)", "as before"]

    @pytest.mark.parametrize("at", [0, 1])
    def test_a_file_that_someone_else_wrote_meanwhile_stays_so(self, engine, run, daemon_json, refusing, at):
        given(daemon_json, "{}")

        def someone_writes():
            daemon_json.write_text("{ }")
            return "it has half of it"

        refusing[at:] = [someone_writes]
        result = run("daemon_config", **DEBUG)
        problems = [f"{daemon_json} was changed by someone else meanwhile and was left as they wrote it"]
        if at == 1:
            problems.insert(0, "the engine did not go back to what it had (debug: False): it has half of it")
        assert (result["msg"], result["changed"]) == (
            self.not_back(daemon_json, "neither as before nor as wanted", self.ENGINES[at], *problems),
            True,
        )
        assert held(daemon_json) == "{ }" and len(engine.reloads) == at + 1


class TestStartedAgain:
    """The engine ends at the reload, as at an upgrade of its package, and someone may start it again in time."""

    STARTS: ClassVar = {
        # name: (after how many waits it runs again, whether with the change, how many waits there are,
        # whether the change stays)
        "at once": (0, True, 0, True),
        "later": (2, True, 2, True),
        "at the last moment": (4, True, 4, True),
        "too late": (5, True, 4, False),
        "with another file": (2, False, 2, False),
    }

    @pytest.mark.parametrize(("after", "takes", "waits", "stays"), STARTS.values(), ids=STARTS)
    def test_it_is_waited_for(self, engine, run, daemon_json, monkeypatch, after, takes, waits, stays):
        waited = []

        def start():
            if len(waited) == after:
                engine.state, engine.mirrors = "running", [f"{GCR}/"] if takes else []

        def end(looked_at, in_force, timeout, *, event=False):
            engine.state, engine.has_ended = "stopped", True
            start()
            return "its process has ended"

        def sleep(seconds):
            waited.append(seconds)
            start()
            if len(waited) > 9:
                pytest.fail("this does not end")

        monkeypatch.setattr(engines, "POLL_SECONDS", 0.25)
        engine.reload = end
        monkeypatch.setattr(
            host, "time", types.SimpleNamespace(monotonic=lambda: 1000 + sum(waited), sleep=sleep, time=lambda: 0.0)
        )
        result = run("registry_mirrors", mirrors=GCR, service="one", timeout=1)
        assert (not result.get("failed"), held(daemon_json) is not None, len(waited)) == (stays, stays, waits)
        assert set(engine.looks) == {("one", 1)}


class TestReturns:
    """What the modules say of a change."""

    def test_a_reload(self, engine, run, daemon_json):
        given(daemon_json, "{}")
        engine.version = "24.0.9"
        build = (
            "Docker Engine before 25.0 uses the new mirrors for docker pull immediately, and for docker "
            "build only after its next restart."
        )
        only = "Only the engine can say whether it accepts the file when it reloads."
        expected = {
            "changed": True,
            "reloaded": True,
            "pending": "none",
            "pending_reasons": [only],
            "warnings": [build],
            "backups": [],
        }
        predicted = run("registry_mirrors", check=True, mirrors=[OWN, GCR])
        assert {key: predicted[key] for key in expected} == expected
        expected["pending_reasons"] = []
        result = run("registry_mirrors", mirrors=[OWN, GCR])
        assert {key: result[key] for key in expected} == expected
        assert (
            predicted["diff"]
            == result["diff"]
            == [
                {
                    "before_header": str(daemon_json),
                    "after_header": str(daemon_json),
                    "before": "{}",
                    "after": f'{{"registry-mirrors": ["{OWN}", "{GCR}"]}}',
                },
                {"before_header": "engine", "after_header": "engine", "before": "", "after": f"{OWN}/\n{GCR}/\n"},
            ]
        )

    def test_no_reload(self, engine, run, daemon_json):
        engine.version = "24.0.9"
        reason = "registry-mirrors: not in force, and a reload brings it into force"
        expected = {
            "changed": True,
            "reloaded": False,
            "pending": "reload",
            "pending_reasons": [reason],
            "warnings": [],
        }
        result = run("registry_mirrors", mirrors=OWN, reload=False)
        assert {key: result[key] for key in expected} == expected
        assert [entry["before_header"] for entry in result["diff"]] == [str(daemon_json)] and result["diff"][0][
            "before"
        ] == ""
        again = run("registry_mirrors", mirrors=OWN, reload=False)
        assert {key: again[key] for key in expected} == {**expected, "changed": False} and again["diff"] == []

    def test_settings_in_force(self, engine, run, daemon_json):
        engine.settings["labels"] = ["a=1", "b=2"]
        settings = {"debug": True, "labels": ["a=https://me:pa55@x"], "max-concurrent-uploads": 9}
        diff = run("daemon_config", check=True, settings=settings)["diff"]
        assert diff[1:] == [
            {
                "before_header": "engine",
                "after_header": "engine",
                "before": "debug: False\nlabels: a=1 b=2\n",
                "after": "debug: True\nlabels: a=https://***@x\n",
            }
        ]

    def test_an_options_file(self, engine, run, systemd):
        systemd.options.write_bytes(b'# \xff\nDOCKER_OPTS="--label=a=https://me:pa55@x"\n')
        engine.argv += ("--label=a=https://me:pa55@x",)
        (entry,) = run("registry_mirrors", mirrors=GCR, source="options_file")["diff"]
        assert entry == {
            "before_header": str(systemd.options),
            "after_header": str(systemd.options),
            "before": '# \ufffd\nDOCKER_OPTS="--label=a=https://***@x"\n',
            "after": f'# \ufffd\nDOCKER_OPTS="--label=a=https://***@x {FLAG}"\n',
        }

    @pytest.mark.parametrize(
        ("mirror", "what"), [("http://localhost:5000", "on this host"), (OWN, "an insecure registry")]
    )
    def test_cautions(self, engine, run, daemon_json, mirror, what):
        given(daemon_json, '{"insecure-registries": ["cache.example:5000"]}')
        engine.store = "containerd"
        (caution,) = run("registry_mirrors", mirrors=mirror)["warnings"]
        assert caution.startswith(f"The mirror {mirror}/ is {what}: ")

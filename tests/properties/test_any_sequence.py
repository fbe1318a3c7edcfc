# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any sequence of runs, runs that are killed, runs of which a step fails, edits, and starts and stops of the engine.

A run that fails says what it left behind, and the next run completes it.
"""

from __future__ import annotations

import errno
import functools
import glob
import os
import shutil
import tempfile
import types

from pathlib import Path
from typing import NamedTuple

import pytest

from ansible.module_utils.basic import AnsibleModule
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ansible_collections.pullthrough.docker.plugins.module_utils._host import transaction
from ansible_collections.pullthrough.docker.tests.properties.readers import (
    command_of,
    flags_and_rest,
    members,
    read_environment_file,
    read_json,
    shown,
)
from ansible_collections.pullthrough.docker.tests.properties.texts import JSON_TEXTS, MIRRORS
from ansible_collections.pullthrough.docker.tests.unit.model import Machine, ModelEngine, Systemd, run_module

KEY = "registry-mirrors"
REFUSED = MIRRORS[2]


class Killed(BaseException):
    """The run is killed. It does nothing after that, not even clean up."""


class Fault(NamedTuple):
    """A step that fails."""

    after: int
    """How many steps succeed before."""
    number: int
    """The error of the operating system."""
    lasts: bool
    """Whether all later steps fail as well, those on the way back too."""
    is_late: bool
    """Whether the step does its work and fails only then."""
    calls: tuple
    """The calls that can fail, empty for all: on a full disk files cannot be written, and can be removed."""


class Steps:
    """The steps of a run that change the host. The run can be killed before any of them, and any of them can fail."""

    def __init__(self):
        self.left = None
        """How many steps there are until something happens, None for never."""
        self.fault = None
        """What happens then, None for the end of the run."""

    def fail(self, fault):
        self.left, self.fault = fault.after, fault

    def go_on(self):
        self.left = self.fault = None

    def counted(self, function, fails=None):
        """Return the function as a step.

        :param fails: what it does in place of raising the error.
        """

        @functools.wraps(function)
        def step(*args, **kwargs):
            if self.left != 0:
                self.left = self.left and self.left - 1
                return function(*args, **kwargs)
            fault = self.fault
            if fault is None:
                raise Killed
            if fault.calls and function.__name__ not in fault.calls:
                return function(*args, **kwargs)
            if not fault.lasts:
                self.go_on()
            if fault.is_late:
                function(*args, **kwargs)
            if fails:
                return fails(os.strerror(fault.number))
            raise OSError(fault.number, os.strerror(fault.number), *[arg for arg in args if isinstance(arg, str)][:1])

        return step

    def stand_in_for_files(self, patch):
        names = ("open", "stat", "mkdir", "chmod", "chown", "rename", "unlink", "rmdir", "fsync")
        changing = {name: self.counted(getattr(os, name)) for name in names}
        patch.setattr(transaction, "os", types.SimpleNamespace(**{**vars(os), **changing}))
        patch.setattr(transaction, "tempfile", types.SimpleNamespace(mkstemp=self.counted(tempfile.mkstemp)))
        patch.setattr(AnsibleModule, "atomic_move", self.counted(AnsibleModule.atomic_move))

    def stand_in(self, patch, engine, service):
        self.stand_in_for_files(patch)
        engine.reload = self.counted(engine.reload)
        service.systemctl = self.counted(service.systemctl, lambda reason: (1, f"{reason}\n"))


class LivingEngine(ModelEngine):
    """A model engine that can be started: it then reads its command line and the file."""

    def start(self, argv):
        text = self.config_path.read_text("utf-8-sig") if self.config_path.exists() else ""
        found = read_json(text)
        flags, _rest = flags_and_rest(argv)
        assert not (flags and KEY in found), (
            "the engine does not start with mirrors on its command line and in its file"
        )
        self.argv = tuple(argv)
        self.mirrors = shown(flags or found.get(KEY) or [])
        self.live_restore = found.get("live-restore") is True
        self.state = "running"


def holds_texts(values):
    return all(value is None or isinstance(value, str) for value in values)


TYPES = {
    "debug": lambda value: isinstance(value, bool),
    "live-restore": lambda value: isinstance(value, bool),
    "dns": lambda value: isinstance(value, list) and holds_texts(value),
    "insecure-registries": lambda value: isinstance(value, list) and holds_texts(value),
    "log-opts": lambda value: isinstance(value, dict) and holds_texts(value.values()),
    KEY: lambda value: isinstance(value, list) and all(mirror in MIRRORS for mirror in value),
}
"""What the engine accepts for the settings that the texts can hold."""


def is_usable(text):
    """Return whether an engine could start with this text."""
    found = read_json(text)
    nested = any(isinstance(value, dict) and KEY in value for value in found.values())
    types = all(found.get(key) is None or accepts(found[key]) for key, accepts in TYPES.items())
    return types and not nested and "" not in found


def is_temporary(path):
    """Return whether a file is a temporary one, and not a staged text, which a later run reads."""
    name = Path(path).name
    return name.startswith(transaction.TEMP_PREFIX) and not name.startswith(transaction.STAGED_PREFIX)


FAULTS = st.builds(
    Fault,
    after=st.integers(0, 30),
    number=st.sampled_from([errno.ENOSPC, errno.EIO, errno.EROFS, errno.EPERM]),
    lasts=st.booleans(),
    is_late=st.booleans(),
    calls=st.sampled_from([(), ("mkstemp", "fsync", "atomic_move"), ("unlink",), ("chmod", "chown"), ("reload",)]),
)
FILES = JSON_TEXTS.filter(is_usable)
LISTS = st.lists(st.sampled_from(MIRRORS), max_size=3, unique_by=lambda mirror: mirror.rstrip("/"))
TASKS = st.one_of(
    st.fixed_dictionaries(
        {"mirrors": LISTS.filter(bool)}, optional={"state": st.just("absent"), "reload": st.just(False)}
    ),
    st.fixed_dictionaries({"mirrors": LISTS, "exclusive": st.just(True)}, optional={"reload": st.just(False)}),
)


class AnySequence(RuleBasedStateMachine):
    """One host with one engine under systemd, and one place for its mirrors."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.file = self.folder / "docker" / "daemon.json"
        self.patch = pytest.MonkeyPatch()
        self.engine = LivingEngine(self.file)
        self.machine = Machine(self.engine, self.folder / "certs.d")
        self.machine.stand_in(self.patch)
        self.service = self.machine.service = Systemd(self.folder)
        self.steps = Steps()
        self.steps.stand_in(self.patch, self.engine, self.service)
        self.to_be_kept = set()
        """Mirrors that were configured when a run was killed that should have kept them."""
        self.stranded = set()
        """Temporary files that a failed run could not remove. A later run removes those beside files that it writes."""

    @initialize(
        text=st.none() | FILES,
        source=st.sampled_from(["daemon_json", "daemon_json", "options_file", "systemd_drop_in"]),
        flags=st.sampled_from([None, None, "options", "unit"]),
        running=st.booleans(),
    )
    def begin(self, text, source, flags, running):
        if text is not None and KEY in read_json(text):
            flags = None  # With both, no engine would have started.
        self.service.options.write_text('# note\nDOCKER_OPTS="--ipv6"\n')
        if flags == "options":
            self.service.options.write_text(f'DOCKER_OPTS="--ipv6 --registry-mirror={MIRRORS[0]}"\n')
        if flags == "unit":
            self.service.start(f"/usr/sbin/dockerd -H fd:// --registry-mirror={MIRRORS[1]} $DOCKER_OPTS")
        if text is not None:
            self.file.parent.mkdir()
            self.file.write_bytes(text.encode())
        self.other_members = self.members()
        self.other_words = flags_and_rest(self.argv())[1]
        self.engine.state = "stopped"
        if running:
            self.engine.start(self.argv())
        self.source = source

    # -- the state of the host, by independent readers ----------------------------------------------------------------

    def text(self):
        return self.file.read_bytes().decode() if self.file.exists() else ""

    def members(self):
        return [member for key, member in members(self.text()) if key != KEY]

    def drop_ins(self):
        """Return the drop-ins that systemd reads: it ignores hidden files."""
        return [Path(path) for path in glob.glob(f"{glob.escape(str(self.service.drop_ins))}/*.conf")]

    def argv(self):
        """Return the command line of the next start."""
        drop_ins = [path.read_text() for path in sorted(self.drop_ins())]
        options = read_environment_file(self.service.options.read_text()).get("DOCKER_OPTS", "")
        words = command_of(self.service.unit.read_text(), *drop_ins)
        return [part for word in words for part in (options.split() if word == "$DOCKER_OPTS" else [word])]

    def configured(self):
        return [*flags_and_rest(self.argv())[0], *(read_json(self.text()).get(KEY) or [])]

    def everything(self):
        files = {
            str(path): (path.read_bytes(), path.stat().st_mode) for path in self.folder.rglob("*") if path.is_file()
        }
        return files, list(self.engine.mirrors)

    # -- what happens ------------------------------------------------------------------------------------------------

    def run_with(self, **options):
        return run_module(
            "registry_mirrors", source=self.source, migrate=True, keep_containers=False, timeout=0, **options
        )

    @rule(task=TASKS)
    def run(self, task):
        before = self.everything()
        result = self.run_with(**task)
        if "msg" in result:
            assert self.everything() == before, result["msg"]
            return
        keeps = not {"state", "exclusive"} & set(task)
        assert shown(self.configured()) == result["mirrors"]
        assert not keeps or self.to_be_kept <= set(result["mirrors"])
        self.to_be_kept = set()
        if result["pending"] == "none" and self.engine.state == "running":
            assert self.engine.mirrors == result["mirrors"]

    @rule(task=TASKS, after=st.integers(0, 60))
    def run_is_killed(self, task, after):
        listed = set(shown(self.configured()))
        self.steps.left = after
        try:
            self.run_with(**task)
        except Killed:
            self.to_be_kept = listed | self.to_be_kept if not {"state", "exclusive"} & set(task) else set()
        else:
            self.to_be_kept = set()
        self.steps.go_on()

    @rule(task=TASKS, fault=FAULTS, backup=st.booleans())
    def a_step_of_a_run_fails(self, task, fault, backup):
        for copy in self.folder.rglob("*~"):  # Copies of two runs within one second have one name.
            copy.unlink()
        listed, before = set(shown(self.configured())), self.all_but_temporary_files()
        self.steps.fail(fault)
        result = self.run_with(**task, backup=backup)
        self.steps.go_on()
        self.stranded |= {path for path in self.everything()[0] if is_temporary(path)}
        keeps = not {"state", "exclusive"} & set(task)
        if "msg" not in result:
            assert shown(self.configured()) == result["mirrors"]
            assert not keeps or self.to_be_kept <= set(result["mirrors"])
            assert result["in_force"] == (self.engine.mirrors if self.engine.info else None)
            self.to_be_kept = set()
        elif result["changed"]:
            self.all_that_differs_is_named(before, result["msg"])
            self.to_be_kept = listed | self.to_be_kept if keeps else set()
        else:
            assert self.all_but_temporary_files() == before, result["msg"]

    def all_but_temporary_files(self):
        """Return the state without the temporary files that could not be removed: the next run removes them."""
        files, mirrors = self.everything()
        return {path: held for path, held in files.items() if not is_temporary(path)}, mirrors

    def all_that_differs_is_named(self, before, message):
        (files, mirrors), (files_now, mirrors_now) = before, self.all_but_temporary_files()
        for path in {*files, *files_now}:
            old, new = files.get(path), files_now.get(path)
            if old == new:
                continue
            is_copy = path.endswith("~") or Path(path).name.startswith(transaction.STAGED_PREFIX)
            if is_copy or (old and new and old[0] == new[0]):
                assert path in message, message
            else:
                states = ("as wanted", "neither as before nor as wanted", "not known")
                assert any(f"{path} is {state}" in message for state in states), message
        if mirrors != mirrors_now:
            assert "; the engine is " in message and "the engine is as before" not in message, message
        assert "Nothing was changed" not in message and "Going back did not succeed" in message, message

    @rule(text=FILES)
    def someone_edits_the_file(self, text):
        assume(KEY not in read_json(text) or not flags_and_rest(self.argv())[0])
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_bytes(text.encode())
        self.other_members = self.members()
        self.to_be_kept = set()

    @rule(
        settings=st.fixed_dictionaries({}, optional={"debug": st.booleans(), "dns": st.just(["10.0.0.1"])}).filter(bool)
    )
    def another_setting_is_changed(self, settings):
        before = dict(members(self.text()))
        result = run_module("daemon_config", settings=settings)
        if "msg" not in result:
            after = dict(members(self.text()))
            assert {key for key in {**before, **after} if before.get(key) != after.get(key)} <= {*settings}
            assert {key: read_json(self.text())[key] for key in settings} == settings
            self.other_members = self.members()

    @rule()
    def the_engine_is_restarted(self):
        self.engine.start(self.argv())

    @rule()
    def the_engine_is_stopped(self):
        self.engine.state = "stopped"

    @precondition(lambda self: self.engine.refuses is None)
    @rule()
    def the_engine_begins_to_refuse_one(self):
        self.engine.refuses = REFUSED

    # -- what holds --------------------------------------------------------------------------------------------------

    @invariant()
    def only_the_mirrors_changed(self):
        assert self.members() == self.other_members
        assert flags_and_rest(self.argv())[1] == self.other_words

    @invariant()
    def mirrors_are_never_in_two_places(self):
        assert not flags_and_rest(self.argv())[0] or KEY not in read_json(self.text())

    @rule(mirrors=LISTS)
    def an_undisturbed_run_completes_everything(self, mirrors):
        self.engine.refuses = None
        result = self.run_with(mirrors=mirrors, exclusive=True)
        assert "msg" not in result, result["msg"]
        if result["pending"] == "restart" or self.engine.state == "stopped":
            self.engine.start(self.argv())
        assert result["mirrors"] == shown(mirrors) == shown(self.configured()) == self.engine.mirrors
        before = self.everything()
        again = self.run_with(mirrors=mirrors, exclusive=True)
        assert (again["changed"], again["pending"], again["in_force"], self.everything()) == (
            False,
            "none",
            shown(mirrors),
            before,
        )
        left = {path for path in before[0] if Path(path).name.startswith(transaction.TEMP_PREFIX)}
        assert left <= self.stranded
        self.to_be_kept = set()

    def teardown(self):
        try:
            if hasattr(self, "source"):
                self.an_undisturbed_run_completes_everything([MIRRORS[3]])
        finally:
            self.patch.undo()
            shutil.rmtree(self.folder)


def test_any_sequence_ends_well(counted):
    examples = max(settings.default.max_examples // 10, 20)
    run_state_machine_as_test(counted(AnySequence), settings=settings(max_examples=examples, stateful_step_count=10))

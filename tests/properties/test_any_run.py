# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole modules in this process, with any file and any state of a model engine."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile

import pytest

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader
from ansible_collections.pullthrough.docker.tests.properties.readers import BOM, members, read_json, shown
from ansible_collections.pullthrough.docker.tests.properties.texts import JSON_TEXTS, MIRRORS, VALUES
from ansible_collections.pullthrough.docker.tests.unit.model import Machine, ModelEngine, run_module

FEWER = settings(max_examples=max(settings.default.max_examples // 8, 20))

_LISTS = st.lists(st.sampled_from(MIRRORS), max_size=3, unique_by=lambda mirror: mirror.rstrip("/"))


def _plain(value):
    """Return a value as YAML would give it."""
    if isinstance(value, json_reader.Number):
        return float(value.text) if set(value.text) & set(".e") else int(value.text)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


_MIRROR_TASKS = st.one_of(
    st.fixed_dictionaries(
        {"mirrors": _LISTS.filter(bool)}, optional={"state": st.just("absent"), "reload": st.booleans()}
    ),
    st.fixed_dictionaries(
        {"mirrors": _LISTS, "exclusive": st.just(True)},
        optional={"state": st.just("absent"), "reload": st.booleans()},
    ),
).map(lambda options: ("registry_mirrors", options))
_NAMES = st.sampled_from(
    ["debug", "dns", "log-opts", "log-opts.max-size", "live-restore", "registry-mirrors", "insecure-registries"]
)
_SETTINGS_TASKS = st.fixed_dictionaries(
    {},
    optional={
        "settings": st.dictionaries(
            st.sampled_from(["dns", "log-opts", "runtimes", "exec-opts", "bip"]), VALUES.map(_plain), max_size=2
        )
        | st.fixed_dictionaries(
            {},
            optional={"debug": st.booleans(), "registry-mirrors": _LISTS, "insecure-registries": st.just(["a:5000"])},
        ),
        "remove": st.lists(_NAMES, max_size=2),
        "reload": st.booleans(),
    },
).map(lambda options: ("daemon_config", options))
TASKS = _MIRROR_TASKS | _SETTINGS_TASKS


class Host:
    """A host with a file, and an engine in some state."""

    def __init__(self, folder, text, engine):
        self.file = pathlib.Path(folder, "docker", "daemon.json")
        if text is not None:
            self.file.parent.mkdir()
            self.file.write_bytes(text.encode())
        self.engine = ModelEngine(self.file)
        vars(self.engine).update(engine)

    @property
    def text(self):
        return self.file.read_bytes().decode() if self.file.exists() else None

    @property
    def state(self):
        engine = self.engine
        return (
            self.text,
            [*engine.mirrors],
            engine.live_restore,
            {**engine.settings},
            sorted(self.file.parent.parent.rglob("*")),
        )


@contextlib.contextmanager
def host(text, engine):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        made = Host(folder, text, engine)
        Machine(made.engine, f"{folder}/certs.d").stand_in(patch)
        yield made


ENGINES = st.fixed_dictionaries(
    {"mirrors": st.lists(st.sampled_from(["https://a.example/", "https://mirror.gcr.io/"]), max_size=2, unique=True)},
    optional={
        "state": st.sampled_from(["stopped", "absent"]),
        "version": st.sampled_from(["20.10.24+dfsg1", "24.0.0", "26.1.5", "29.10.1"]),
        "containers_running": st.integers(0, 2),
        "live_restore": st.booleans(),
        "settings": st.builds(lambda: {"debug": False, "labels": [], "insecure-registries": []}),
    },
)
FILES = st.none() | JSON_TEXTS


_OF_THE_FILE = "uid gid owner group mode size state".split()
"""Fields that Ansible itself adds about an existing file."""


def predicted(result):
    """Return what check mode can know: all except what the engine answers after the change, and the backups."""
    unknown = ("in_force", "pending_reasons", "backups", *_OF_THE_FILE)
    return {key: value for key, value in result.items() if key not in unknown}


@FEWER
@given(TASKS, FILES, ENGINES)
def test_check_mode_changes_nothing_and_predicts_the_run(task, text, engine):
    name, options = task
    with host(text, engine) as made:
        before = made.state
        check = run_module(name, check=True, **options)
        assert made.state == before
        real = run_module(name, **options)
        event(f"{name}, {'refused' if 'msg' in real else 'changed' if real['changed'] else 'ok'}")
        if "msg" in real:
            assert (check["msg"], made.state) == (real["msg"], before)
            return
        assert predicted(check) == predicted(real)
        if name == "registry_mirrors":
            assert check["in_force"] == (engine["mirrors"] if made.engine.info else None)
            assert real["in_force"] == (made.engine.mirrors if made.engine.info else None)
        for entry in real["diff"]:
            # Control characters are shown as escapes.
            if (
                entry["after_header"] == str(made.file)
                and (made.text + (text or "")).replace("\n", "").replace("\t", "").isprintable()
            ):
                assert (entry["before"], entry["after"]) == (text or "", made.text)
        assert made.text == text or [entry for entry in real["diff"] if entry["after_header"] == str(made.file)]


@FEWER
@given(TASKS, FILES, ENGINES)
def test_a_second_run_changes_nothing(task, text, engine):
    name, options = task
    with host(text, engine) as made:
        first = run_module(name, **options)
        assume("msg" not in first)
        before = made.state
        second = run_module(name, **options)
        assert (made.text, second.get("mirrors")) == (before[0], first.get("mirrors"))
        # A pending restart does not show in the engine's answers, so the next run may reload once more.
        assert (second["changed"], second["diff"], made.state) == (False, [], before) or first["pending"] == "restart"


@FEWER
@given(_MIRROR_TASKS, FILES, ENGINES)
def test_only_the_mirrors_change_in_the_file(task, text, engine):
    name, options = task
    with host(text, engine) as made:
        result = run_module(name, **options)
        assume("msg" not in result and text is not None and text.strip(f"{BOM} \t\r\n"))
        after, before = (
            [(key, member) for key, member in members(held) if key != "registry-mirrors"] for held in (made.text, text)
        )
        assert after == before
        listed = read_json(made.text).get("registry-mirrors") or []
        assert shown(listed) == result["mirrors"]

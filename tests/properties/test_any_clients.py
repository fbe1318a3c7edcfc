# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any files of Podman on a host, and any runs of client_mirrors on it, also killed ones and such of which a step fails.

What is in force is read by a second reader, which shares nothing with the collection but the rules that it states.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile

from pathlib import Path

import pytest
import tomllib

from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.pullthrough.docker.plugins.module_utils._host import transaction
from ansible_collections.pullthrough.docker.tests.properties.test_any_sequence import (
    FAULTS,
    Killed,
    Steps,
    is_temporary,
)
from ansible_collections.pullthrough.docker.tests.unit.model import run_module
from ansible_collections.pullthrough.docker.tests.unit.plugins.modules.clients_host import Machine

PREFIXES = st.sampled_from(
    ["docker.io", "docker.io", "docker.io", "ghcr.io", "docker.io/library", "*.io", "*.docker.io"]
)
LOCATIONS = ["a.example", "b.example:5000", "c.example/x"]
ENTRIES = st.builds(
    lambda prefix, keys, mirrors: "\n".join(
        [
            "[[registry]]",
            f'prefix = "{prefix}"',
            f'location = "{prefix.removeprefix("*.")}"',
            *keys,
            *(f'[[registry.mirror]]\nlocation = "{location}"\n{key}' for location, key in mirrors),
            "",
        ]
    ),
    PREFIXES,
    st.sampled_from([[], [], [], ["blocked = false"], ["mirror-by-digest-only = true"]]),
    st.lists(
        st.tuples(st.sampled_from(LOCATIONS), st.sampled_from(["", "", "insecure = true", "insecure = false"])),
        max_size=2,
    ),
)
TEXTS = st.one_of(
    st.lists(ENTRIES, max_size=3).map("".join),
    st.sampled_from(["", "# only a comment\n", 'short-name-mode = "disabled"\n', "[aliases]\n"]),
)
NAMES = st.sampled_from(
    [
        "etc/containers/registries.conf",
        "etc/containers/registries.conf.d/50-a.conf",
        "etc/containers/registries.conf.d/B.conf",
        "etc/containers/registries.conf.d/zzz.conf",
        "etc/containers/registries.conf.d/note.txt",
        "usr/share/registries.conf",
        "usr/share/registries.conf.d/50-a.conf",
        "home/registries.conf",
        "home/registries.conf.d/c.conf",
    ]
)
FILES = st.dictionaries(NAMES, TEXTS, max_size=4)
URLS = st.lists(
    st.sampled_from([f"https://{location}" for location in LOCATIONS] + ["http://b.example:5000"]),
    min_size=1,
    max_size=2,
)
TASKS = st.fixed_dictionaries(
    {},
    optional={
        "mirrors": URLS,
        "registries": st.dictionaries(st.just("ghcr.io"), URLS, min_size=1),
        "exclusive": st.booleans(),
    },
).filter(lambda task: "mirrors" in task or "registries" in task)


class Place:
    """A host with files, and what hold of it."""

    def __init__(self, files):
        self.folder = Path(tempfile.mkdtemp())
        self.machine = Machine(self.folder)
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.patch = pytest.MonkeyPatch()
        self.machine.stand_in(self.patch)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.patch.undo()
        shutil.rmtree(self.folder)

    def everything(self):
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
            for path in self.folder.rglob("*")
        }

    def files(self):
        return {name: data for name, data in self.everything().items() if data is not None}

    def files_of_others(self):
        own = str(self.machine.own.relative_to(self.folder))
        return {name: data for name, data in self.files().items() if name != own}

    def in_force(self, registry):
        """Return the mirrors of a registry under both orders of reading."""
        return [by_second_reader(order, registry) for order in (self.until_5(), self.from_6())]

    def until_5(self):
        home = self.folder / "home/registries.conf"
        user = sorted((self.folder / "home/registries.conf.d").glob("*.conf"))
        if home.exists():
            return [home, *user]
        etc = self.folder / "etc/containers"
        mains = [path for path in [etc / "registries.conf"] if path.exists()]
        return [*mains, *sorted((etc / "registries.conf.d").glob("*.conf")), *user]

    def from_6(self):
        folders = [self.folder / name for name in ("usr/share", "etc/containers", "home")]
        mains = [folder / "registries.conf" for folder in reversed(folders) if (folder / "registries.conf").exists()]
        names = {path.name: path for folder in folders for path in (folder / "registries.conf.d").glob("*.conf")}
        return [*mains[:1], *(names[name] for name in sorted(names))]


def by_second_reader(order, registry):
    found = {}
    for path in order:
        of_file = {}
        for entry in tomllib.loads(path.read_text()).get("registry", []):
            of_file.setdefault(entry["prefix"], entry)
        found.update(of_file)
    names = [name for name in found if name == registry or (name[:2] == "*." and f".{registry}".endswith(name[1:]))]
    names = [name for name in names if name != f"*.{registry}"]
    if not names:
        return []
    entry = found[max(names, key=len)]
    if entry.get("mirror-by-digest-only"):
        return []
    return [
        f"http{'' if mirror.get('insecure') else 's'}://{mirror['location']}/" for mirror in entry.get("mirror", [])
    ]


def registries_of(task):
    return {**({"docker.io": task["mirrors"]} if "mirrors" in task else {}), **task.get("registries", {})}


def urls_of(mirrors):
    return list(dict.fromkeys(f"{url}/" for url in mirrors))


def shown(result):
    (client,) = result["clients"]
    return {registry: lists["in_force"] for registry, lists in client["registries"].items()}


@given(FILES, TASKS)
def test_a_run_puts_its_mirrors_in_force_or_changes_nothing(files, task):
    with Place(files) as place:
        before = place.everything()
        predicted = run_module("client_mirrors", check=True, **task)
        assert place.everything() == before
        result = run_module("client_mirrors", **task)
        assert predicted.get("msg") == result.get("msg") and predicted["changed"] == result["changed"]
        if "msg" in result:
            assert place.everything() == before
            return
        wanted = {registry: urls_of(urls) for registry, urls in registries_of(task).items()}
        assert shown(result) == wanted
        assert {registry: place.in_force(registry) for registry in wanted} == {
            registry: [urls, urls] for registry, urls in wanted.items()
        }
        after = place.everything()
        assert not run_module("client_mirrors", **task)["changed"] and place.everything() == after
        removed = run_module("client_mirrors", state="absent", **task)
        assert "msg" not in removed and place.everything() == before
        assert not run_module("client_mirrors", state="absent", **task)["changed"]


@given(FILES)
def test_what_is_reported_is_what_a_second_reader_finds(files):
    with Place(files) as place:
        (client,) = run_module("client_mirrors_info")["clients"]
        for registry, lists in client["registries"].items():
            found = place.in_force(registry)
            assert lists["in_force"] == (found[0] if found[0] == found[1] else None), registry


@given(FILES, TASKS, TASKS, st.integers(0, 20))
def test_a_run_that_is_killed_is_completed_by_the_next(files, first, second, after):
    with Place(files) as place:
        others = place.files_of_others()
        steps = stepwise(place)
        run_module("client_mirrors", **first)
        steps.left = after
        with contextlib.suppress(Killed):
            run_module("client_mirrors", **second)
        steps.go_on()
        in_force_is_readable(place)
        result = run_module("client_mirrors", **second)
        left = {name: data for name, data in place.files_of_others().items() if not name.endswith("~")}
        assert "msg" in result or left == others, "a later run removes what a killed one left"
        assert {name: data for name, data in left.items() if not is_temporary(name)} == others


CA = Path(__file__).parents[1] / "unit/plugins/modules/ca.crt"
WITH_CA = {"mirrors": [f"https://{LOCATIONS[1]}"], "ca_files": {LOCATIONS[1]: str(CA)}, "backup": True}


@pytest.mark.parametrize("state", ["present", "absent"])
def test_killed_before_each_step(state):
    """Each file is the old one or the new one, and the next run completes the change."""
    for after in itertools.count():
        with Place({}) as place:
            run_module("client_mirrors", registries={"ghcr.io": [f"https://{LOCATIONS[0]}"]})
            others = place.files()
            if state == "absent":
                run_module("client_mirrors", **WITH_CA)
            old = place.everything()
            steps = stepwise(place)
            steps.left = after
            try:
                run_module("client_mirrors", state=state, **WITH_CA)
                is_killed = False
            except Killed:
                is_killed = True
            steps.go_on()
            now = place.everything()
            run_module("client_mirrors", state=state, **WITH_CA)
            new = {name: data for name, data in place.everything().items() if not name.endswith("~")}
            for name, data in now.items():
                if data is not None and not name.endswith("~") and not is_temporary(name):
                    assert data in (old.get(name), new.get(name)), (after, name)
            assert not any(map(is_temporary, new)), after
            files = {name for name, data in new.items() if data is not None}
            assert state == "present" or files == set(others), "our file may still name a folder that it made"
            assert place.in_force("docker.io") == [urls_of(WITH_CA["mirrors"]) if state == "present" else []] * 2
            assert place.in_force("ghcr.io") == [[f"https://{LOCATIONS[0]}/"]] * 2
        if not is_killed:
            assert after > 10, "there are steps"
            return


@given(FILES, TASKS, TASKS, FAULTS, st.booleans(), st.sampled_from(["present", "absent"]))
def test_a_step_that_fails_leaves_what_the_message_says(files, first, second, fault, backup, state):
    with Place(files) as place:
        run_module("client_mirrors", **first)
        before = place.files()
        steps = stepwise(place)
        steps.fail(fault)
        result = run_module("client_mirrors", backup=backup, state=state, **second)
        steps.go_on()
        now = {name: data for name, data in place.files().items() if not is_temporary(name)}
        in_force_is_readable(place)
        if "msg" in result and not result["changed"]:
            assert now == before and "Nothing was changed." in result["msg"], result["msg"]
        elif "msg" in result:
            assert "Going back did not succeed" in result["msg"] and str(place.machine.own) in result["msg"]
        again = run_module("client_mirrors", state=state, **second)
        assume("msg" not in again)
        if state == "present":
            assert shown(again) == {registry: urls_of(urls) for registry, urls in registries_of(second).items()}


def stepwise(place):
    steps = Steps()
    steps.stand_in_for_files(place.patch)
    return steps


def in_force_is_readable(place):
    """Whatever happened, the file of the collection is whole or is not there."""
    if place.machine.own.exists():
        assert tomllib.loads(place.machine.own.read_text())["registry"]
    assert not list(place.machine.own.parent.glob(f"{transaction.TEMP_PREFIX}*.conf"))

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow each recipe of the guides from top to bottom: write its files and run its commands, as printed.

The hosts of a recipe are engines of the lab. No recipe restarts an engine.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import shlex
import threading

import pytest
import yaml

import conftest

from conftest import FOLDER, GCR, SSH_OPTIONS, ansible
from recipes import hosts_of, recipes

RECIPES = recipes()
ROTATE, SITES = "guide_rotate", "guide_sites"
OLD, NEW = "https://old.example.com", "https://new.example.com"


@pytest.fixture
def engines(hosts):
    """The hosts of the lab in the order in which they stand for the hosts of a recipe."""
    with conftest.as_they_were(hosts):
        yield hosts


@pytest.fixture
def follow(engines, tmp_path, monkeypatch):
    """A function that follows a recipe in a folder of its own. It returns the output of each command."""
    folder, addresses = tmp_path / "recipe", tmp_path / "addresses.yml"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PWD", str(folder))  # A shell does this too.

    def command(line):
        names = hosts_of(folder / "hosts")
        assert len(names) <= len(engines)
        connections = {name: connection(engine) for name, engine in zip(names, engines)}
        addresses.write_text(yaml.safe_dump({"all": {"hosts": connections}}))
        program, *words = shlex.split(line)
        # Without the lab's own inventory, "all" is the hosts of the recipe only.
        code, out = ansible(program, *words, inventory=addresses)
        assert code == 0 and any(name in out for name in names), f"{line}\n{out}"
        return out

    def run(guide):
        outputs = []
        for step in RECIPES[guide]:
            if step.path:
                step.write(folder)
            elif step.kind == "sh":
                outputs += [command(line) for line in step.text.splitlines()]
        return outputs

    return run


def connection(host):
    """Return the variables with which Ansible reaches a host of the lab under any name."""
    return {
        "ansible_host": host.address,
        "ansible_user": host.user,
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(FOLDER / "id"),
        "ansible_ssh_common_args": shlex.join(SSH_OPTIONS),
    }


@contextlib.contextmanager
def watched(host):
    """Yield a list to which a thread adds the mirrors in force on a host, as often as the engine answers."""
    seen, done = [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(tuple(host.info()["RegistryConfig"]["Mirrors"] or ()))

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield seen
        finally:
            done.set()
        watching.result()


@pytest.mark.parametrize("guide", sorted(set(RECIPES) - {ROTATE, SITES}))
def test_recipes(guide, follow):
    assert follow(guide)


def test_a_rotation_has_no_moment_without_a_mirror(engines, follow):
    first = engines[0]
    conftest.modules(engines, mirrors=[OLD], exclusive=True)
    with watched(first) as seen:
        follow(ROTATE)
    old, new = f"{OLD}/", f"{NEW}/"
    assert list(dict.fromkeys(seen)) == [(old,), (new, old), (new,)]


def test_each_site_uses_its_own_mirror(engines, follow):
    follow(SITES)
    berlin, paris = "https://cache.berlin.example.com/", "https://cache.paris.example.com/"
    assert [host.mirrors() for host in engines[:3]] == [[berlin, GCR], [paris, GCR], [GCR]]


def test_there_are_recipes():
    assert len(RECIPES) >= 5 and {ROTATE, SITES} <= set(RECIPES)

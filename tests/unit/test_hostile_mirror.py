# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run Ansible against hostile mirrors, and check how long it takes and every byte that it writes."""

from __future__ import annotations

import json
import os
import pathlib
import resource
import subprocess
import sys
import time

import pytest

from ansible_collections.pullthrough.docker.tests.unit import hostile

SERVER = pathlib.Path(hostile.__file__)
TIMEOUT = 3


@pytest.fixture(scope="module")
def mirrors():
    with subprocess.Popen(
        [sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        yield json.loads(server.stdout.readline())
        server.stdin.close()


class Called:
    """The output of a call of a module, its result, and the seconds of clock time and processor time that it took."""

    def __init__(self, done, seconds, work):
        self.code, self.out, self.seconds, self.work = done.returncode, done.stdout, seconds, work

    @property
    def result(self):
        text = only_plain(self.out)
        return json.loads(text[text.index("{\n") : text.rindex("}") + 1])


def work_of_children():
    """Return the processor seconds of all child processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ansible(name, *arguments, **options):
    """Call a module ad hoc, as a user does."""
    environment = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
    }
    python = f"ansible_python_interpreter={sys.executable}"
    command = ["-m", f"pullthrough.docker.{name}", "-a", json.dumps(options), "-e", python, *arguments]
    began, before = time.monotonic(), work_of_children()
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "adhoc", "localhost", *command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return Called(done, time.monotonic() - began, work_of_children() - before)


def only_plain(out):
    """Return the output as text, after a check of each character and of the start of each line."""
    text = out.decode("utf-8")
    assert not [character for character in text if not character.isprintable() and character != "\n"], text.encode(
        "unicode_escape"
    )
    assert not [line for line in text.splitlines() if line.strip().startswith((hostile.FORGED, "fatal:"))], text
    assert hostile.SECRET not in text, text
    return text


@pytest.fixture(scope="module")
def usual():
    """A call that checks no mirror."""
    return ansible("registry_mirrors_health_info", mirrors=[])


@pytest.mark.parametrize("name", hostile.LONG)
def test_a_long_answer_ends_within_the_time(mirrors, usual, name):
    """The machine may be busy, so Ansible itself may take three times as long as in the fixture."""
    called = ansible("registry_mirrors_health_info", mirrors=[mirrors[name]], timeout=TIMEOUT)
    assert called.code == 0, called.out
    assert called.work < usual.work + TIMEOUT + 1, (called.work, usual.work)
    assert called.seconds < 3 * usual.seconds + TIMEOUT + 1, (called.seconds, usual.seconds)
    (mirror,) = called.result["mirrors"]
    assert mirror["reason"] and not mirror["usable"]


@pytest.mark.parametrize("arguments", [(), ("-vvv",)], ids=["as usual", "verbose"])
def test_no_mirror_writes_to_the_terminal(mirrors, arguments):
    names = [*hostile.POISON]
    urls = [mirrors[name] for name in names]
    called = ansible("registry_mirrors_health_info", *arguments, mirrors=urls, images=["alpine"], timeout=10 * TIMEOUT)
    assert called.code == 0, called.out
    found = dict(zip(names, called.result["mirrors"]))
    assert {name for name, mirror in found.items() if mirror["usable"]} == hostile.USABLE
    warnings = [line for line in only_plain(called.out).splitlines() if line.startswith("[WARNING]: ")]
    # Which words follow depends on the image store of this machine's engine, if it has one.
    assert {url for url in urls if any(f" mirror {url}/" in line for line in warnings)} == {
        mirrors[name] for name in names if name not in hostile.USABLE
    }
    for mirror in found.values():
        assert bool(mirror["reason"]) is (mirror["usable"] is not True), mirror
        assert mirror["authentication"] in (None, "none", "basic", "bearer", "other"), mirror
        for shown in [value for value in [*mirror.values(), *mirror["images"][0].values()] if isinstance(value, str)]:
            assert shown.isprintable() and len(shown) <= 1000 and hostile.SECRET not in shown, shown


def test_a_redirect_shows_its_host_and_path(mirrors):
    url = mirrors["a redirect to a page"]
    (mirror,) = ansible("registry_mirrors_health_info", mirrors=[url], timeout=10 * TIMEOUT).result["mirrors"]
    assert mirror["redirected_to"] == f"{url}/login"
    assert mirror["reason"].startswith(f"{url}/login answers with a web page")

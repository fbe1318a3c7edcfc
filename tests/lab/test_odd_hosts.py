# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each host of odd_hosts.py on its real engines: what the modules say and do, and that the engine starts again.

Each engine becomes one host after the other, and all engines work at once. What is right is asked from the engine: what
it shows in ``/info``, and whether its next start succeeds and with which mirrors.
"""

from __future__ import annotations

import concurrent.futures
import json

import odd_hosts
import pytest

from odd_hosts import FAILS, HOSTS, OWN_DROP_IN

import conftest

from conftest import Host, wait_until

CASES = [(row, engine) for row in HOSTS for engine in row.on]
NAMES = [f"{row.name}, on {engine}" for row, engine in CASES]

# Content, kind, mode and target of each file, and the engine's process.
LOOK = """
for path; do stat -c "%N %F %a %u" "$path"; sha256sum "$path"; done 2>/dev/null
ls -A /etc/docker; cat /run/docker.pid 2>/dev/null; true
"""
READ = """
if [ -L "$0" ]; then echo link; readlink -n "$0"; elif [ -f "$0" ]; then echo file; cat "$0"; else echo nothing; fi
"""
WRITE = 'rm -f "$0" && mkdir -p "${0%/*}" && cat >"$0" && chmod "$1" "$0"'


@pytest.fixture(scope="module")
def outcomes(lab, tmp_path_factory, request):
    """Yield, by row and engine, the future of its run. A queue for each engine keeps its rows in order."""
    with_modules = {host.name: host for host in conftest.with_modules(lab, tmp_path_factory)}
    queues = {name: concurrent.futures.ThreadPoolExecutor(max_workers=1) for name in with_modules}
    chosen = [item.callspec.params["case"] for item in request.session.items if item.function is test_host]
    yield {(row.name, engine): queues[engine].submit(try_row, row, Host(lab, engine)) for row, engine in chosen}
    for queue in queues.values():
        queue.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_host(case, outcomes):
    row, engine = case
    outcomes[row.name, engine].result()


# -- making a host -----------------------------------------------------------------------------------------------------


def try_row(row, host):
    """Make the host, take its steps, look at its next start, and take it all away again."""
    host.socket = row.socket
    odd_hosts.stop(host)
    odd_hosts.clean(host)
    paths = list(dict.fromkeys([*row.files, *(row.by_hand or ()), odd_hosts.FILE, OWN_DROP_IN]))
    before = {path: read(host, path) for path in paths}
    around = row.around(host)
    try:
        if row.engine == "ran before":
            assert odd_hosts.start(host), "an engine without the files of the row starts"
        next(around)
        for path, content in row.files.items():
            put(host, path, content)
        odd_hosts.load_units(host)
        if row.engine == "runs":
            assert odd_hosts.start(host), host.run("sh", "-c", odd_hosts.LOG).decode()
        if row.engine in ("runs", "ran before") and host.socket:
            wait_until(host.answers, 60)
        for step in row.steps:
            take(step, host, paths)
        for path, content in (row.holds or {}).items():
            assert read(host, path) == content, path
        for path, content in (row.by_hand or {}).items():
            put(host, path, content)
        look_at_next_start(row, host)
    finally:
        odd_hosts.stop(host)
        for path, content in before.items():
            put(host, path, content)
        next(around, None)
        odd_hosts.load_units(host)


def look_at_next_start(row, host):
    expected = FAILS if row.by_hand else row.starts
    if expected is None:
        return
    odd_hosts.stop(host)
    odd_hosts.load_units(host)
    started = odd_hosts.start(host)
    log = host.run("sh", "-c", odd_hosts.LOG).decode()
    if expected == FAILS:
        assert not started, "the engine starts, so the host is not as the row says"
        return
    assert started, log
    wait_until(host.answers, 60)
    assert mirrors_of(host) == odd_hosts.shown(expected)


def read(host, path):
    """Return the content of a file, a link as a ``Link``, None where nothing is."""
    kind, _newline, content = host.run("sh", "-c", READ, path).partition(b"\n")
    return odd_hosts.Link(content.decode()) if kind == b"link" else content if kind == b"file" else None


def put(host, path, content):
    if isinstance(content, odd_hosts.Link):
        host.run("sh", "-c", 'mkdir -p "${1%/*}" && ln -sfn "$0" "$1"', content.target, path)
    elif content is None:
        host.run("rm", "-f", path)
    else:
        data = content.encode() if isinstance(content, str) else content
        host.run("sh", "-c", WRITE, path, "755" if data.startswith(b"#!") else "644", data=data)


# -- a step ------------------------------------------------------------------------------------------------------------


def take(step, host, paths):
    """Run a module, first in check mode, and compare with what is right. A change is complete after one run."""
    if step.module is None:
        step.options["do"](host)
        return
    before = look(host, paths)
    changes = step.module in ("registry_mirrors", "daemon_config")
    if changes:
        predicted = host.execute(step.module, **step.options, _ansible_check_mode=True)
        assert look(host, paths) == before, "check mode changes nothing"
    result = host.execute(step.module, **step.options)
    compare(step, result, host)
    if not changes:
        assert look(host, paths) == before
        return
    assert bool(predicted.get("failed")) == bool(result.get("failed")), predicted
    assert predicted.get("changed", False) == result.get("changed", False), predicted
    if result.get("failed") or not result["changed"]:
        assert look(host, paths) == before, "a refusal, and a run that has nothing to do, change nothing"
        return
    again = host.execute(step.module, **step.options)
    assert not again.get("failed") and again["changed"] is False, again
    assert again["pending"] == result["pending"], again


def look(host, paths):
    return host.run("sh", "-c", LOOK, "sh", *paths).decode()


def compare(step, result, host):
    """Compare a result with what the row declares, and what it says is in force with what the engine shows."""
    text = json.dumps(result, ensure_ascii=False)
    right = dict(step.right)
    refusal = right.pop("refused", None)
    if refusal is None:
        assert not result.get("failed"), text
    else:
        assert result.get("failed") and not result.get("changed"), text
        for words in refusal:
            assert words in result["msg"], (words, result["msg"])
    for words in right.pop("says", ()):
        assert words in text, (words, text)
    for words in right.pop("silent", ()):
        assert words not in text, (words, text)
    if "used" in right:
        assert [image["used"] for image in result["images"]] == [right.pop("used")], text
    if "state" in right:
        assert result["engine"]["state"] == right.pop("state"), text
    if "conflicts_at" in right:
        assert [place for conflict in result["conflicts"] for place in conflict["places"]] == right.pop("conflicts_at")
    if right.pop("warned", False):
        assert result.get("warnings"), text
    for source in right.pop("sources", ()):
        known = [(each["source"], each["path"], each["line"], each["mirrors"]) for each in result["sources"]]
        assert source in known, (source, known)
    if "drift_says" in right:
        assert right.pop("drift_says") in " ".join(result["drift_reasons"]), text
    for key, value in right.items():
        assert result[key] == value, (key, text)
    if isinstance(result.get("in_force"), list):
        assert result["in_force"] == mirrors_of(host), text


def mirrors_of(host):
    return host.info()["RegistryConfig"]["Mirrors"] or []

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""If the module is killed at any instant, it leaves whole files, and its next run converges. See kill.py.

``make crash`` sets WHOLE=yes: it tries every call, 1,000 random instants, and planted faults that must be found.
Without it, the test tries only the calls that change something, and a few instants.
"""

from __future__ import annotations

import concurrent.futures
import json
import pathlib

import pytest

from conftest import HOSTS, ROOT, WHOLE, Host, modules

SEED = 20260131
RELOADS, STOPPED, MOVES = HOSTS
RELOAD, STOP, NEW = "one file, by a reload", "one file, engine stopped", "no file yet, engine stopped"
MOVE = "DOCKER_OPTS to daemon.json and back"
INSTANTS = {RELOADS: {RELOAD: 250}, STOPPED: {STOP: 250, NEW: 250}, MOVES: {MOVE: 250}}
if not WHOLE:
    INSTANTS = {RELOADS: {RELOAD: 7}, STOPPED: {NEW: 7}, MOVES: {MOVE: 6}}
"""The cases of each host, with the number of random instants."""

STAGING = "if plan.target and plan.target.after is not None:"
WRITING = "for edit in plan.edits:\n            self._writes.write"
HEALS = 'self.writes or self.activation.pending == "reload"'
FAULTS = {
    # name: (host, case, file, text, text instead, words of what is found)
    "written in place": (
        STOPPED,
        STOP,
        "_host/transaction",
        'self._module.atomic_move(temporary, path, unsafe_writes=self._module.params["unsafe_writes"])',
        'open(path, "wb").write(data)',
        "the files are torn",
    ),
    "a new file gets its mode afterwards": (
        STOPPED,
        NEW,
        "_host/transaction",
        "os.chmod(temporary, mode)",
        "pass",
        "the files are torn",
    ),
    "what a killed run left is not removed": (
        STOPPED,
        STOP,
        "_host/transaction",
        "os.unlink(os.path.join(folder, name))",
        "pass",
        "the next run leaves [",
    ),
    "the data is not synced": (
        STOPPED,
        STOP,
        "_host/transaction",
        "os.fsync(descriptor)\n        yield",
        "pass\n        yield",
        "is not synced before it becomes",
    ),
    "the folder is not synced": (
        STOPPED,
        STOP,
        "_host/transaction",
        "            _sync_folder(path)\n        except Exc",
        "        except Exc",
        "the folder of",
    ),
    "an engine that missed its reload is ignored": (
        RELOADS,
        RELOAD,
        "_change/model",
        HEALS,
        "self.writes",
        "in force is",
    ),
    "the empty list is not known again": (
        RELOADS,
        RELOAD,
        "_change/plan_mirrors",
        "not has_flags and not is_of_killed_run",
        "not has_flags",
        "the next run leaves other files",
    ),
    "nothing is staged": (MOVES, MOVE, "_change/execute", STAGING, "if False:", "the mirrors are in no file"),
    "what is staged stays": (
        MOVES,
        MOVE,
        "_change/execute",
        "                self._writes.unstage(edit.path)\n",
        "                pass\n",
        "leaves [",
    ),
    "the target is written first": (
        MOVES,
        MOVE,
        "_change/execute",
        WRITING,
        WRITING.replace("edits", "edits[::-1]"),
        "torn",
    ),
}


@pytest.fixture(scope="module")
def folders(lab):
    """Return the folder of the unpacked module by host, as Ansible sent it."""
    hosts = [Host(lab, name) for name in HOSTS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANSIBLE_KEEP_REMOTE_FILES", "1")
        modules(hosts, mirrors=["https://mirror.gcr.io"], check=True)
    found = {}
    for host in hosts:
        output = host.run("sh", "-c", "python3 /root/.ansible/tmp/*/AnsiballZ_registry_mirrors.py explode")
        found[host.name] = output.decode().splitlines()[-1]
        host.write("/root/kill.py", pathlib.Path(__file__).with_name("kill.py").read_bytes())
    return found


def kill(host, folder, cases, *, stop):
    """Kill the module on its host, at every call in ``make crash``, and return the report."""
    job = {"cases": cases, "calls": "all" if WHOLE and not stop else "changing", "seed": SEED, "stop": stop}
    return json.loads(host.run("python3", "/root/kill.py", folder, data=json.dumps(job).encode()))


def test_killed_at_any_instant_the_files_are_whole_and_the_next_run_converges(lab, folders, prove):
    print(f"seed {SEED}")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        reports = list(pool.map(lambda name: kill(Host(lab, name), folders[name], INSTANTS[name], stop=False), HOSTS))
    cases = {name: case for report in reports for name, case in report["cases"].items()}
    listing = {
        "seed": SEED,
        "whole": WHOLE,
        "faults": [fault for report in reports for fault in report["faults"]],
        "cases": cases,
    }
    (ROOT / "build/crash.json").write_text(json.dumps(listing, indent=1) + "\n")
    assert listing["faults"] == []
    for host, report in zip(HOSTS, reports):
        for name, case in report["cases"].items():
            calls = [call for step in case["steps"] for call in step]
            tried = [call for call in calls if WHOLE or call["changes"]]
            missed = [call["call"] for call in tried if "wrong" not in call]
            assert not missed, f"{name}: no kill came at {missed}"
            assert all(case["replaced"]), "each step replaces a file, with fsync of data and folder"
            assert any(call["left"] for call in tried), "there was something to tidy up"
            value = {
                "system calls in the span": [len(step) for step in case["steps"]],
                "killed at": len(tried)
                if WHOLE
                else f"{len(tried)}, those that change something (make crash: at every one)",
                "killed elsewhere": case["elsewhere"],
                "with temporary files left": sum(1 for call in tried if call["left"]),
                "files replaced, each with fsync of data and folder": case["replaced"],
                "random instants": case["instants"]["killed"]
                if WHOLE
                else f"{case['instants']['killed']} (make crash: 250)",
                "instants after its end": case["instants"]["late"],
                "span in seconds": case["instants"]["span"],
                "seconds": case["seconds"],
            }
            prove(host, f"killed: {name}", value)


if WHOLE:

    @pytest.mark.parametrize("name", FAULTS)
    def test_a_planted_fault_is_found(lab, folders, name, prove):
        host, case, file, text, instead, words = FAULTS[name]
        host, path = Host(lab, host), f"ansible_collections/pullthrough/docker/plugins/module_utils/{file}.py"
        source = (ROOT / "plugins/module_utils" / f"{file}.py").read_text()
        assert source.count(text) == 1
        host.run("cp", "-r", folders[host.name], "/root/planted")
        try:
            host.write(f"/root/planted/{path}", source.replace(text, instead).encode())
            faults = kill(host, "/root/planted", {case: 0}, stop=True)["faults"]
        finally:
            host.run("rm", "-r", "/root/planted")
        assert faults and words in faults[0], faults
        prove(host.name, f"planted: {name}", faults[0][:200])

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing runs a shell: plugins run lists of words from one module, and the role uses argv."""

from __future__ import annotations

import ast
import pathlib

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = sorted((ROOT / "plugins").glob("**/*.py"))
PLAYS = sorted([*(ROOT / "roles").glob("*/*/*.yml"), *(ROOT / "playbooks").glob("*.yml")])

PROGRAMS = {"subprocess", "pty", "commands", "multiprocessing", "ctypes", "pickle", "marshal", "runpy"}
CALLS = {"system", "popen", "fork", "run_command", "eval", "exec", "compile", "__import__"}
RUN = {"run", "Popen", "call", "check_call", "check_output", "getoutput"}
SHELLS = {"shell", "raw", "script", "expect"}


def faults_of(source, may_run):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (name for name in names if name in PROGRAMS and not may_run)
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in RUN:
                # The one place that runs programs finds the file of a program.
                forbidden = {"shell", "preexec_fn"} | (set() if may_run else {"executable"})
                yield from (keyword.arg for keyword in node.keywords if keyword.arg in forbidden)
            pattern = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re"
            if (called in CALLS and not pattern) or called.startswith(("exec", "spawn", "posix_spawn")):
                yield called


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.name)
def test_plugins_run_programs_from_one_place_and_without_a_shell(path):
    # A probe of a mirror is a fork of this process. It runs no other program, and the kernel can end it.
    allowed = ["fork"] if path.name == "probes.py" else []
    assert list(faults_of(path.read_text(), may_run=path.name == "programs.py")) == allowed


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "run(x, shell=True)",
        "os.system(x)",
        "os.popen(x)",
        "os.execvp(x, y)",
        "module.run_command(x)",
        "from subprocess import run",
        "eval(x)",
    ],
)
def test_such_a_call_is_found(source):
    assert list(faults_of(source, may_run=False))


def mappings(value):
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(inner)


@pytest.mark.parametrize("path", PLAYS, ids=lambda path: "/".join(path.parts[-3:]))
def test_role_and_playbooks_use_no_shell(path):
    for task in mappings(yaml.safe_load(path.read_text())):
        assert not {str(key).rpartition(".")[2] for key in task if "." in str(key)} & SHELLS
        assert not task.keys() & SHELLS
        for name in ("command", "ansible.builtin.command"):
            if name in task:
                assert isinstance(task[name], dict) and list(task[name]) == ["argv"], task
                assert task[name]["argv"][0] == "systemctl"

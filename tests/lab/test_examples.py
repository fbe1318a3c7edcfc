# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example of the README, of the guides and of the modules' documentation runs, as it is printed, on a real engine."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml

import conftest

from conftest import ROOT, ansible, run_playbook

HOST = "engine-26.1"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [(page.name, kind, text) for page in PAGES for kind, text in re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)]
PLAYBOOKS = [(page, text) for page, kind, text in BLOCKS if kind == "yaml"]
COMMANDS = [(page, line) for page, kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
MODULES = ["registry_mirrors", "registry_mirrors_info"]


@pytest.fixture
def engine(lab):
    host = conftest.Host(lab, HOST)
    yield host
    # An example may leave the engine another list than the file, as it says.
    assert host.module(mirrors=[], exclusive=True)["in_force"] == host.mirrors() == []


@pytest.mark.parametrize(("page", "text"), PLAYBOOKS, ids=[f"{page}-{number}" for number, (page, _text) in enumerate(PLAYBOOKS)])
def test_playbooks(page, text, engine, tmp_path):
    (tmp_path / "play.yml").write_text(text)
    code, counts, out = run_playbook(tmp_path / "play.yml", "--limit", HOST)
    assert code == 0 and counts[HOST]["ok"] > 0, out


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[line for _page, line in COMMANDS])
def test_commands(page, line, engine):
    program, *words = shlex.split(line, comments=True)
    if program == "make":
        # The two commands: this one is within make test, and the other has a test of its own.
        assert words in (["run"], ["test"])
        return
    assert words[words.index("-i") + 1] == "hosts"
    del words[words.index("-i") : words.index("-i") + 2]
    code, out = ansible(program, *words, "--limit", HOST)
    assert code == 0 and HOST in out, out


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_modules(module, engine, tmp_path):
    source = (ROOT / f"plugins/modules/{module}.py").read_text()
    examples = re.search(r'^EXAMPLES = r"""\n(.*?)^"""', source, re.MULTILINE | re.DOTALL).group(1)
    plays = [{"hosts": HOST, "gather_facts": False, "tasks": yaml.safe_load(examples)}]
    code, counts, out = conftest.playbook(tmp_path / "play.yml", plays)
    assert code == 0 and counts[HOST]["ok"] >= 2, out


def test_the_pages_have_examples():
    assert len(PLAYBOOKS) >= 4 and len(COMMANDS) >= 6

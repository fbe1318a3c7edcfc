# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run every example of the READMEs, the guides and the modules' documentation, as printed, on a real engine.

Examples in plain text blocks do not run. They need something that the lab does not have (a network, AWX, a snap).
The guides that write files are recipes, and test_recipes runs them.
"""

from __future__ import annotations

import re
import shlex
import textwrap

import pytest
import yaml

import conftest
import recipes

from conftest import ROOT, ansible, run_playbook

HOST = "engine-26.1"
OPTIONS = "/etc/default/docker"
ROLE_README = "roles/docker_mirror/README.md"
PAGES = [
    ROOT / ROLE_README,
    ROOT / "README.md",
    *(path for path in sorted(recipes.GUIDES.glob("*.rst")) if path.stem not in recipes.recipes()),
]
BLOCK = {".md": r"^```(\w+)\n(.*?)^```", ".rst": r"^ *[.][.] code-block:: (\w+)\n\n((?: .*\n|\n)+)"}


def blocks():
    """Return (page, kind, text) of each example once, with the first page that has it."""
    found = {}
    for page in PAGES:
        for kind, text in re.findall(
            BLOCK[page.suffix], page.read_text(), re.MULTILINE | re.DOTALL if page.suffix == ".md" else re.MULTILINE
        ):
            found.setdefault((kind, textwrap.dedent(text).strip("\n") + "\n"), str(page.relative_to(ROOT)))
    return [(page, kind, text) for (kind, text), page in found.items()]


BLOCKS = blocks()
PLAYBOOKS = [(page, text) for page, kind, text in BLOCKS if kind == "yaml"]
COMMANDS = [
    (page, line)
    for line, page in {
        line: page for page, kind, text in reversed(BLOCKS) if kind == "sh" for line in text.splitlines()
    }.items()
]


def examples():
    """Yield each task of each module's examples. A task that checks results follows the tasks before it."""
    for module in sorted((ROOT / "plugins/modules").glob("*.py")):
        text = re.search(r'^EXAMPLES = r"""\n(.*?)^"""', module.read_text(), re.MULTILINE | re.DOTALL).group(1)
        tasks = yaml.safe_load(text)
        for number, task in enumerate(tasks):
            run = tasks[: number + 1] if "ansible.builtin.assert" in task else [task]
            yield pytest.param(run, id=f"{module.stem}: {task['name']}")


@pytest.fixture
def engine(lab):
    host = conftest.Host(lab, HOST)
    data, options = host.daemon_json(), host.run("cat", OPTIONS)
    yield host
    # An example may leave mirrors, also those of other clients, settings, certificates, a flag for the next start, and
    # the backups that a module keeps for the role while a restart is pending.
    host.run("sh", "-c", "rm -rf /etc/docker/certs.d /etc/docker/*~ /etc/default/*~ /etc/containers")
    host.write(OPTIONS, options)
    host.write_daemon_json(b'{"registry-mirrors": [], "insecure-registries": [], "live-restore": false}')
    host.run("systemctl", "reload", "docker.service")
    conftest.wait_until(lambda: host.mirrors() == [])
    host.write_daemon_json(data)


@pytest.mark.parametrize(
    ("page", "text"), PLAYBOOKS, ids=[f"{page}-{number}" for number, (page, _text) in enumerate(PLAYBOOKS)]
)
def test_playbooks(page, text, engine, tmp_path):
    (tmp_path / "our-ca.crt").write_bytes((conftest.FOLDER / "ca.crt").read_bytes())
    (tmp_path / "play.yml").write_text(text)
    code, counts, out = run_playbook(tmp_path / "play.yml", "--limit", HOST)
    assert code == 0 and counts[HOST]["ok"] > 0, out


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[line for _page, line in COMMANDS])
def test_commands(page, line, engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))  # A shell does this too.
    program, *words = shlex.split(line, comments=True)
    if program == "make":
        # make test runs this test, and make run has its own test.
        assert words in (["run"], ["test"])
        return
    assert words[words.index("-i") + 1] == "hosts"
    del words[words.index("-i") : words.index("-i") + 2]
    if "--limit" in words:
        # A run that stopped leaves this file.
        (tmp_path / "configure.left").write_text(f"{HOST}\n")
    else:
        words += ["--limit", HOST]
    code, out = ansible(program, *words)
    assert code == 0 and HOST in out, out


@pytest.mark.parametrize("tasks", examples())
def test_examples_of_modules(tasks, engine, tmp_path):
    (tmp_path / "our-ca.crt").write_bytes((conftest.FOLDER / "ca.crt").read_bytes())
    plays = [{"hosts": HOST, "gather_facts": False, "vars": {"vaulted_token": "hush"}, "tasks": tasks}]
    code, counts, out = conftest.playbook(tmp_path / "play.yml", plays)
    assert code == 0 and counts[HOST]["ok"] == len(tasks) and "hush" not in out, out


def test_the_pages_have_examples():
    assert len(list(examples())) >= 18
    assert sum(page == ROLE_README for page, _text in PLAYBOOKS) == 3
    assert len(PLAYBOOKS) >= 9 and len(COMMANDS) >= 14

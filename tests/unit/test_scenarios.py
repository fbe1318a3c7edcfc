# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The molecule scenarios run every test in tests/lab, and name only playbooks that exist."""

from __future__ import annotations

import pathlib

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIOS = [path.parent for path in sorted(ROOT.glob("extensions/molecule/*/molecule.yml"))]
LABS = [folder for folder in SCENARIOS if (folder / "hosts.yml").exists()]


def config(folder):
    """Return the content of a scenario's molecule.yml."""
    return yaml.safe_load((folder / "molecule.yml").read_text())


def lab_tests(folder):
    """Return the names of the tests that a scenario runs, as one list for each verify step."""
    return yaml.safe_load((folder / "hosts.yml").read_text())["all"]["vars"]["lab_tests"]


def test_every_test_of_the_lab_is_run():
    names = {name for folder in LABS for step in lab_tests(folder) for name in step}
    assert names == {path.stem.removeprefix("test_") for path in ROOT.glob("tests/lab/test_*.py")}


def test_tests_that_only_run_at_night_exist():
    (hosts,) = [path for path in ROOT.glob("extensions/molecule/*/hosts.yml") if "at_night" in path.read_text()]
    left_out = yaml.safe_load(hosts.read_text())["all"]["vars"]["lab_tests_at_night"]
    assert left_out and all(set(step) - set(left_out) for step in lab_tests(hosts.parent))
    assert set(left_out) < {name for step in lab_tests(hosts.parent) for name in step}


@pytest.mark.parametrize("folder", LABS, ids=lambda folder: folder.name)
def test_each_verify_step_has_tests(folder):
    steps = [step for step in config(folder)["scenario"]["test_sequence"] if step.split()[0] == "verify"]
    assert steps == ["verify"] * len(lab_tests(folder))
    assert all(lab_tests(folder))


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_every_playbook_exists(folder):
    """molecule skips a step without a playbook, and does not fail."""
    playbooks = config(folder)["ansible"]["playbooks"]
    for step in config(folder)["scenario"]["test_sequence"]:
        action, *files = step.split()
        for file in files or [
            playbooks.get(action, "converge.yml" if action in ("check", "idempotence") else f"{action}.yml")
        ]:
            assert (folder / file).is_file(), step
        assert not files or action in playbooks, step

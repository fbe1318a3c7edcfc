# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The public workflows run gates that exist, and no code that others can replace."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKFLOWS = {path.stem: path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_each_action_is_pinned_by_the_hash_of_a_commit():
    used = [action for text in WORKFLOWS.values() for action in re.findall(r"uses: (\S+)", text)]
    assert used and [action for action in used if not re.search(r"@[0-9a-f]{40}$", action)] == []


def test_each_gate_exists():
    (listed,) = re.findall(r"gate: \[(.*)\]", WORKFLOWS["nightly"])
    gates = set(re.findall(r"\bmake ([a-z-]+)", "".join(WORKFLOWS.values()))) | set(listed.split(", "))
    assert gates and gates <= TARGETS


def test_each_gate_runs_on_a_change_or_at_night():
    test = (ROOT / "tools/test").read_text()
    gates = {name: words.split() for name, words in re.findall(r"^(first|second|\w+_labs|night)=\((.*)\)", test, re.M)}
    (listed,) = re.findall(r"gate: \[(.*)\]", WORKFLOWS["nightly"])
    assert set(gates) == {"first", "second", "first_labs", "second_labs", "night"} and "make quick" in WORKFLOWS["test"]
    assert {*gates["first_labs"], *gates["second_labs"], *gates["night"]} == set(listed.split(", "))

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every test of the lab is run by a molecule scenario."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def phases():
    """Return the names of the test files that the scenarios run."""
    found = set()
    for path in ROOT.glob("extensions/molecule/*/molecule.yml"):
        for playbook in re.findall(r"- verify (\S+)", path.read_text()):
            found |= set(re.findall(r"phase: (\w+)", (path.parent / playbook).read_text()))
    return found


def test_every_test_of_the_lab_is_run():
    assert phases() == {path.stem.removeprefix("test_") for path in ROOT.glob("tests/lab/test_*.py")}

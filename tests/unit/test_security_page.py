# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SECURITY.md names an existing test for each promise."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def rows():
    table = (ROOT / "SECURITY.md").read_text().partition("| promise | tests |\n|---|---|\n")[2].partition("\n\n")[0]
    return [row.strip("| ").split(" | ") for row in table.splitlines()]


def test_each_promise_names_tests_that_exist():
    assert len(rows()) > 10
    for promise, tests in rows():
        files = re.findall(r"`(tests/[^`]+)`", tests)
        assert files, promise
        texts = [(ROOT / name).read_text() for name in files]
        for name in re.findall(r"`(Test\w+)`", tests):
            assert any(re.search(rf"^class {name}\b", text, re.MULTILINE) for text in texts), (promise, name)

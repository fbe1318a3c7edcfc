# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read units and drop-ins."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import unit_text

UNIT = (
    "[Unit]\nDescription=ExecStart=no\nExecStart=no\n\n"
    "[Service]\n# ExecStart=no\nType=notify\nExecStart=/d -H fd:// $O\n"
)
RESET = "[Service]\nExecStart=\nExecStart = /d \\\n  --a \\\n  --b  \n[Install]\nExecStart=no\n"

COMMANDS = [
    # texts in their order, value on one line, line
    ([UNIT], "/d -H fd:// $O", 8),
    ([UNIT, RESET], "/d --a --b", 3),
    ([UNIT, "[Service]\nLimitNOFILE=1\n"], "/d -H fd:// $O", 8),
    ([UNIT, "[Service]\nExecStart=\n"], None, None),
    ([UNIT, "[Service]\n# note \\\nExecStart=\nExecStart=/e\n"], "/e", 4),
    ([UNIT, "ExecStart=/e\n"], "/d -H fd:// $O", 8),
    (["[Service]\r\nExecStart=/d --a \\\r\n --b\r\n"], "/d --a --b", 2),
    (["[Service]\nExecStart=/d \\X\nExecStart=/e\n"], "/e", 3),
    (["[Service]\n# note \\\nExecStart=/e\n"], "/e", 3),
    (["[Service]\n  ; note \\\nExecStart=/e\n"], "/e", 3),
    (["ExecStart=/e\n[Service]\n"], None, None),
    (["[Service]\nExecStart=/d \\"], "/d", 2),
    (["[Service]\nExecStart=/d \\\n# --a \\\n ; x\n --b\nExecStart=\\\n"], None, None),
    (["[Service]\nExecStart=/d \\\n# --a \\\n ; x\n --b\n"], "/d --b", 2),
    (["[Service]\nExecStart=/d --a\\\\\nType=notify\n"], "/d --a\\\\", 2),
    (["[Service]\nExecStart=/d \\\n  --a \\"], "/d --a", 2),
    (["[Service]\nExecStart=/d --aa\\\n --b\n"], "/d --aa --b", 2),
    (["[Service]\nExecStart=/d X\n"], "/d X", 2),
    (["[Service]\nExecStart=/d \x0c\n"], "/d \x0c", 2),
    (["[Service]\nExecStart=/d \\\n\x0c# --a\n"], "/d \x0c# --a", 2),
    (["[Service]\nExecStart=/d \\\nX# --a\n"], "/d X# --a", 2),
    ([" \t[Service]\nExecStart=/d\n"], "/d", 2),
    (["\x0c[Service]\nExecStart=/d\n"], None, None),
    (["[Service]\n\x0c[Unit]\nX[Unit]\nExecStart=/d\n"], "/d", 4),
    ([""], None, None),
]


@pytest.mark.parametrize(("texts", "value", "line"), COMMANDS)
def test_the_command_that_counts(texts, value, line):
    files = [(f"/{number}", text) for number, text in enumerate(texts)]
    command = unit_text.command(files)
    assert (command and unit_text.on_one_line(command.value)) == value and (command and command.line) == line
    if command:
        text = dict(files)[command.path]
        assert text[command.start : command.end] == command.value, "the characters that hold it"


def test_an_empty_setting_resets_those_before_it():
    texts = [
        "[Service]\nEnvironmentFile=-/a\nEnvironmentFile=/b\n",
        "[Service]\nEnvironmentFile=\nEnvironmentFile=/c\n",
    ]
    files = [(f"/{number}", text) for number, text in enumerate(texts)]
    assert [setting.value for setting in unit_text.in_effect("EnvironmentFile", files)] == ["/c"]
    assert [setting.value for setting in unit_text.in_effect("EnvironmentFile", files[:1])] == ["-/a", "/b"]

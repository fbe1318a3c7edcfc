# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options files, edited, then read by real shells and by systemd's rules."""

from __future__ import annotations

import re
import shutil

import pytest

from hypothesis import assume, given

from ansible_collections.pullthrough.docker.plugins.module_utils._text import options_editor, options_text
from ansible_collections.pullthrough.docker.tests.properties.readers import (
    FLAG,
    Shell,
    flags_and_rest,
    read_environment_file,
)
from ansible_collections.pullthrough.docker.tests.properties.texts import FLAG_VALUES, OPTIONS_TEXTS

VARIABLE = "DOCKER_OPTS"


@pytest.fixture(scope="module", params=["dash", "bash"])
def shell(request, tmp_path_factory):
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param} here")
    real = Shell(request.param, tmp_path_factory.mktemp(request.param))
    yield real
    real.close()


def edited(text, values, *, shell):
    """Return the text with the flag for these values, or None where the edit is refused."""
    try:
        return options_editor.put_flag(text, VARIABLE, FLAG, values, shell=shell)
    except options_editor.OptionsTextError:
        return None


@given(text=OPTIONS_TEXTS)
def test_values_are_those_of_a_real_shell(shell, text):
    real = shell.read(text)
    read = options_text.read_as_shell(text)
    assume(real is not None)
    for name, value in zip((VARIABLE, "OTHER"), real):
        known = read.get(name, options_text.Value("", 0)).text
        assert known in (value, None)


@given(text=OPTIONS_TEXTS, values=FLAG_VALUES)
def test_a_real_shell_reads_the_new_flags_and_all_other_words(shell, text, values):
    before = shell.read(text)
    after = edited(text, values, shell=True)
    assume(before is not None and after is not None)
    real = shell.read(after)
    assert flags_and_rest(real[2]) == (values, flags_and_rest(before[2])[1])
    assert real[1] == before[1]


@given(text=OPTIONS_TEXTS)
def test_values_are_those_of_systemd(text):
    read = {name: value.text for name, value in options_text.read_as_systemd(text).items()}
    real = read_environment_file(text)
    assert {name: value for name, value in read.items() if value is not None} == {
        name: real[name] for name in real if read.get(name, "") is not None
    }


@given(text=OPTIONS_TEXTS, values=FLAG_VALUES)
def test_systemd_reads_the_new_flags_and_all_other_words(text, values):
    before = read_environment_file(text)
    after = edited(text, values, shell=False)
    assume(after is not None)
    real = read_environment_file(after)
    words = before.pop(VARIABLE, "").split(), real.pop(VARIABLE, "").split()
    assert flags_and_rest(words[1]) == (values, flags_and_rest(words[0])[1])
    assert real == before


@given(text=OPTIONS_TEXTS, values=FLAG_VALUES)
@pytest.mark.parametrize("reader", ["shell", "systemd"])
def test_putting_flags_twice_equals_once(reader, text, values):
    once = edited(text, values, shell=reader == "shell")
    assume(once is not None)
    assert edited(once, values, shell=reader == "shell") == once


@given(text=OPTIONS_TEXTS, values=FLAG_VALUES)
@pytest.mark.parametrize("reader", ["shell", "systemd"])
def test_removing_added_flags_restores_the_text(reader, text, values):
    shell = reader == "shell"
    read = options_text.read_as_shell(text) if shell else options_text.read_as_systemd(text)
    listed, _rest = flags_and_rest((read.get(VARIABLE, options_text.Value("", 0)).text or "").split())
    after = edited(text, [*listed, *values], shell=shell)
    assume(after is not None)
    back = edited(after, listed, shell=shell)
    if re.search(rf"{VARIABLE}=[^\s\"']", text):  # Several words need quotes, which then stay.
        text, back = text.replace('"', ""), back.replace('"', "")
    assert back == text


@given(text=OPTIONS_TEXTS, values=FLAG_VALUES)
@pytest.mark.parametrize("reader", ["shell", "systemd"])
def test_lines_that_do_not_set_the_variable_stay(reader, text, values):
    after = edited(text, values, shell=reader == "shell")
    assume(after is not None)
    assert [line for line in after.split("\n") if f"{VARIABLE}=" not in line and line] == [
        line for line in text.split("\n") if f"{VARIABLE}=" not in line and line
    ]

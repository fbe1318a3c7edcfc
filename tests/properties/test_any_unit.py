# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units and drop-ins, edited, then read by systemd's rules."""

from __future__ import annotations

from hypothesis import assume, given

from ansible_collections.pullthrough.docker.plugins.module_utils._change import places
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._text import unit_text
from ansible_collections.pullthrough.docker.tests.properties.readers import FLAG, command_of, flags_and_rest, read_unit
from ansible_collections.pullthrough.docker.tests.properties.texts import FLAG_VALUES, UNIT_TEXTS

UNIT, OWN = "/etc/systemd/system/docker.service", "/etc/systemd/system/docker.service.d/zz-pullthrough-docker.conf"


def others(text):
    return [(key, value) for key, value in read_unit(text) if key != "ExecStart"]


@given(UNIT_TEXTS)
def test_settings_are_read_by_the_rules_of_systemd(text):
    read = [(setting.key, unit_text.on_one_line(setting.value).split()) for setting in unit_text.settings(UNIT, text)]
    assert read == [(key, value.split()) for key, value in read_unit(text)]


def unit_without_flags(text, left):
    """Return the text of a unit without the mirrors that are not in a list; None where the edit is refused."""
    command = unit_text.command([(UNIT, text)])
    if command is None:
        return None
    source = places.UnitFile(UNIT, text.encode(), command)
    try:
        after = source.text([mirror for mirror in source.listed if mirror in left])
    except Refused:
        return None
    return after.decode()


@given(UNIT_TEXTS, FLAG_VALUES)
def test_a_unit_keeps_every_other_word(text, left):
    after = unit_without_flags(text, left)
    assume(after is not None)
    values, rest = flags_and_rest(command_of(text))
    assert flags_and_rest(command_of(after)) == ([mirror for mirror in values if mirror in left], rest)
    assert others(after) == others(text)


@given(UNIT_TEXTS, FLAG_VALUES)
def test_removing_flags_twice_equals_once(text, left):
    once = unit_without_flags(text, left)
    assume(once is not None)
    assert unit_without_flags(once, left) == once


@given(UNIT_TEXTS, FLAG_VALUES)
def test_our_drop_in_adds_flags_to_the_command_line_of_the_unit(text, values):
    command = unit_text.command([(UNIT, text)])
    assume(command is not None)
    after = places.DropIn(OWN, None, command).text(values)
    listed, rest = flags_and_rest(command_of(text))
    if after is None:
        assert listed == values
    else:
        assert command_of(text, after.decode()) == [*rest, *(f"{FLAG}={mirror}" for mirror in values)]
        again = places.DropIn(OWN, after, command)
        assert (again.listed, again.text(values), again.is_stale) == (values, after, False)

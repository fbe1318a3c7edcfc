# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message of each ending: what is wrong, how the host is, what to do."""

from __future__ import annotations

import types

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._change import render
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Outcome
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused

WHY = Refused("It is wrong", "Do this.")


def message(state, **values):
    return render.failure(Outcome(state, None, **values), WHY)


def test_only_an_untouched_host_is_called_unchanged():
    assert message("untouched") == "It is wrong. Nothing was changed. Do this."
    assert "Nothing was changed" not in message("stuck", states=[("/a", "as wanted")])


def test_what_differs_is_named_file_by_file():
    states = [("/a", "as wanted"), ("the engine", "as before")]
    backups = [{"path": "/a", "backup_file": "/a.1~"}, {"path": "/b", "backup_file": None}]
    assert message("stuck", problems=["no space"], states=states, backups=backups) == (
        "It is wrong. Going back did not succeed: no space. Now /a is as wanted; the engine is as before. "
        "What the files held before is in /a.1~. The engine's log says more. Do this."
    )


@pytest.mark.parametrize("character", ["\x1b", "\x00", "\x9b", "\u202e", "\ud800", "\r", "\u2028"])
def test_a_message_holds_no_control_character(character):
    shown = render.failure(Outcome("untouched", None), Refused(f"a{character}[31mb"))
    assert character not in shown
    shown.encode("utf-8")


def test_a_message_holds_no_password():
    shown = render.failure(Outcome("untouched", None), Refused("https://me:hush@x.example"))
    assert "hush" not in shown and "x.example" in shown


@pytest.mark.parametrize("is_others", [True, False])
def test_a_warning_says_that_another_program_has_the_socket(is_others):
    nothing = types.SimpleNamespace(user=0, cautions=lambda *_lists: [])
    plan = types.SimpleNamespace(
        warnings=[],
        snapshot=nothing,
        after=types.SimpleNamespace(listed=[], insecure=[]),
        reloads=lambda _options: False,
    )
    engine = types.SimpleNamespace(is_others=is_others, state="absent", reason="another has it", process=None)
    expected = ["The engine is absent: another has it."] if is_others else []
    assert render.warnings(Outcome("done", None), plan, engine, None) == expected

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flags on a command line."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import command_line


@pytest.mark.parametrize(
    ("argv", "names", "values"),
    [
        (["dockerd"], ["--x"], []),
        (["dockerd", "--x", "1"], ["--x"], ["1"]),
        (["dockerd", "--x=1", "--x", "2"], ["--x"], ["1", "2"]),
        (
            ["dockerd", "-H", "fd://", "-Hunix:///a", "--host=tcp://b", "-H=c"],
            ["--host", "-H"],
            ["fd://", "unix:///a", "tcp://b", "c"],
        ),
        (["dockerd", "--x-y=1"], ["--x"], []),
        (["dockerd", "--x=y=z"], ["--x"], ["y=z"]),
        (["dockerd", "--x"], ["--x"], [""]),
        (["--x=1"], ["--x"], []),
    ],
)
def test_flag_values(argv, names, values):
    assert command_line.flag_values(argv, *names) == values


@pytest.mark.parametrize(
    ("argv", "name", "has"),
    [
        (["dockerd", "--x"], "--x", True),
        (["dockerd", "--y", "--x=1"], "--x", True),
        (["dockerd", "-H", "a"], "-H", True),
        (["dockerd", "-Ha"], "-H", True),
        (["dockerd", "--x-y", "--xy=1"], "--x", False),
        (["dockerd", "-Da"], "-H", False),
        (["--x", "--y"], "--x", False),
        (["dockerd"], "--x", False),
    ],
)
def test_has_flag(argv, name, has):
    assert command_line.has_flag(argv, name) is has


@pytest.mark.parametrize(
    ("argv", "left"),
    [
        (["dockerd", "--x", "1", "--y"], ["dockerd", "--y"]),
        (["dockerd", "--x=1", "--y", "2"], ["dockerd", "--y", "2"]),
        (["dockerd", "--x-y", "--xy=1"], ["dockerd", "--x-y", "--xy=1"]),
        (["dockerd", "--y", "--x"], ["dockerd", "--y"]),
    ],
)
def test_without_flag(argv, left):
    assert command_line.without_flag(argv, "--x") == left

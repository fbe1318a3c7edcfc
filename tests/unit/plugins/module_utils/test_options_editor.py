# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edit a flag in an options file, so that systemd and a shell read it. Texts for a shell are read by a real one."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import options_editor

FLAG = "--registry-mirror=https://a.example"
NAME = "--registry-mirror"
A, B = "https://a.example", "https://b.example"

PUTS = {
    # name: (text, values, shell, text after)
    "no file": ("", [A], True, f'DOCKER_OPTS="{FLAG}"\n'),
    "not there": ("X=1\n", [A], False, f'X=1\nDOCKER_OPTS="{FLAG}"\n'),
    "not there, no final newline": ("X=1", [A], False, f'X=1\nDOCKER_OPTS="{FLAG}"'),
    "commented out": (
        '#DOCKER_OPTS="--dns 8.8.8.8"\n',
        [A],
        True,
        f'#DOCKER_OPTS="--dns 8.8.8.8"\nDOCKER_OPTS="{FLAG}"\n',
    ),
    "empty": ('DOCKER_OPTS=""\nX=1\n', [A], True, f'DOCKER_OPTS=""\nX=1\nDOCKER_OPTS="{FLAG}"\n'),
    "double quotes": ('DOCKER_OPTS="--debug" # note\n', [A], True, f'DOCKER_OPTS="--debug {FLAG}" # note\n'),
    "single quotes": ("DOCKER_OPTS='--debug'\n", [A], True, f"DOCKER_OPTS='--debug {FLAG}'\n"),
    "no quotes": ("export DOCKER_OPTS=--debug\n", [A], True, f'export DOCKER_OPTS="--debug {FLAG}"\n'),
    "two words": (
        f'DOCKER_OPTS="{NAME} {A} --debug"\n',
        [A, B],
        True,
        f'DOCKER_OPTS="{NAME} {A} {NAME}={B} --debug"\n',
    ),
    "one goes": (f'DOCKER_OPTS="{NAME} {A} {NAME}={B} --debug"\n', [B], True, f'DOCKER_OPTS="{NAME}={B} --debug"\n'),
    "the last one counts": (
        f'DOCKER_OPTS="{NAME}={B}"\nDOCKER_OPTS=""\nDOCKER_OPTS="--ipv6"\n',
        [A],
        False,
        f'DOCKER_OPTS="{NAME}={B}"\nDOCKER_OPTS=""\nDOCKER_OPTS="--ipv6 {FLAG}"\n',
    ),
    "the last one counts, for a shell": (
        f'DOCKER_OPTS="{NAME}={B}"\nDOCKER_OPTS="--ipv6"\n',
        [A],
        True,
        f'DOCKER_OPTS="{NAME}={B}"\nDOCKER_OPTS="--ipv6 {FLAG}"\n',
    ),
    "a comment that ends with a backslash": (
        '  # note \\\nDOCKER_OPTS="--debug"\n',
        [A],
        True,
        f'  # note \\\nDOCKER_OPTS="--debug {FLAG}"\n',
    ),
    "the vendor's own line": (
        'DOCKER_OPTS="${DOCKER_OPTS} --debug"\n',
        [A],
        True,
        f'DOCKER_OPTS="${{DOCKER_OPTS}} --debug {FLAG}"\n',
    ),
    "twice, by itself": (
        f'DOCKER_OPTS="{FLAG}"\nDOCKER_OPTS="$DOCKER_OPTS --ipv6"\n',
        [],
        True,
        'DOCKER_OPTS=""\nDOCKER_OPTS="$DOCKER_OPTS --ipv6"\n',
    ),
    "twice, by itself, and one more": (
        'DOCKER_OPTS="--debug"\nDOCKER_OPTS="$DOCKER_OPTS --ipv6"\n',
        [A],
        True,
        f'DOCKER_OPTS="--debug"\nDOCKER_OPTS="$DOCKER_OPTS --ipv6 {FLAG}"\n',
    ),
    "systemd knows no export": (
        'DOCKER_OPTS="--debug"\nexport DOCKER_OPTS=--ipv6\n',
        [A],
        False,
        f'DOCKER_OPTS="--debug {FLAG}"\nexport DOCKER_OPTS=--ipv6\n',
    ),
    "what is a comment only to a shell": (
        'export X # ="\nDOCKER_OPTS="--debug"\n',
        [A],
        True,
        f'export X # ="\nDOCKER_OPTS="--debug {FLAG}"\n',
    ),
    "all of the line goes, between others": (f'DOCKER_OPTS="{FLAG}"\nX=1\n', [], False, "X=1\n"),
    "all of the file goes": (f'DOCKER_OPTS="{FLAG}"', [], False, ""),
    "all of the line goes, as the one before is empty for a shell": (
        f'DOCKER_OPTS="$DOCKER_OPTS"\nDOCKER_OPTS="{FLAG}"\n',
        [],
        True,
        'DOCKER_OPTS="$DOCKER_OPTS"\n',
    ),
    "for systemd it is not empty, and would count": (
        f'DOCKER_OPTS="$DOCKER_OPTS"\nDOCKER_OPTS="{FLAG}"\n',
        [],
        False,
        'DOCKER_OPTS="$DOCKER_OPTS"\nDOCKER_OPTS=""\n',
    ),
    "all of the line goes": (f'X=1\nDOCKER_OPTS="{FLAG}"\n', [], False, "X=1\n"),
    "all of the line goes, and another would count": (
        f'DOCKER_OPTS=--ipv6\nDOCKER_OPTS="{FLAG}"\n',
        [],
        False,
        'DOCKER_OPTS=--ipv6\nDOCKER_OPTS=""\n',
    ),
}


@pytest.mark.parametrize(("text", "values", "shell", "after"), PUTS.values(), ids=PUTS)
def test_put_flag(text, values, shell, after):
    assert options_editor.put_flag(text, "DOCKER_OPTS", NAME, values, shell=shell) == after
    if shell:
        script = f'{after}\nfor word in $DOCKER_OPTS; do printf "%s\\n" "$word"; done'
        words = subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
        ).stdout.split()
        flags = [
            word.partition("=")[2] or words[number + 1] for number, word in enumerate(words) if word.startswith(NAME)
        ]
        assert flags == values, "a real shell"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "X=1\n",
        "X=1",
        'DOCKER_OPTS=""\n',
        'DOCKER_OPTS="--debug"\n',
        "DOCKER_OPTS='--debug '\n",
        '# x\nDOCKER_OPTS="--a"\nDOCKER_OPTS="$DOCKER_OPTS --b"\n',
    ],
)
def test_a_flag_that_was_put_can_be_taken_away_to_the_byte(text):
    added = options_editor.put_flag(text, "DOCKER_OPTS", NAME, [A, B], shell=True)
    assert added != text and options_editor.put_flag(added, "DOCKER_OPTS", NAME, [], shell=True) == text


MORE = "the value of DOCKER_OPTS is more than plain words, and its effect cannot be determined"
ITSELF = "DOCKER_OPTS refers to itself, which systemd does not expand, so the engine does not start"
UNSAFE = "DOCKER_OPTS cannot be edited safely"


@pytest.mark.parametrize(
    ("text", "shell", "line", "message"),
    [
        ('\nDOCKER_OPTS="$(cat x)"\n', True, 2, MORE),
        ("DOCKER_OPTS=\"--label a='b c'\"\n", True, 1, MORE),
        ('DOCKER_OPTS="--a \\\n--b"\n', True, 1, MORE),
        ("DOCKER_OPTS='--a'--b\n", True, 1, MORE),
        ('DOCKER_OPTS="$OTHER --a"\n', True, 1, MORE),
        ("DOCKER_OPTS='$DOCKER_OPTS --a'\n", True, 1, MORE),
        ('DOCKER_OPTS="--a" # note\n', False, 1, MORE),
        ('DOCKER_OPTS="$DOCKER_OPTS --a"\n', False, 1, ITSELF),
        # Another variable or word would change too, or a line that ends with a backslash would join the new one.
        ('\nexport DOCKER_OPTS="--a"\nX=$DOCKER_OPTS\n', True, 2, UNSAFE),
        (f'DOCKER_OPTS="--a {NAME}=x"\nDOCKER_OPTS="${{DOCKER_OPTS}}y"\n', True, 2, UNSAFE),
        ("X=1\nC=3\\", False, 1, UNSAFE),
    ],
)
def test_what_cannot_be_edited_safely_is_refused_with_its_line(text, shell, line, message):
    with pytest.raises(options_editor.OptionsTextError) as refused:
        options_editor.put_flag(text, "DOCKER_OPTS", NAME, [A], shell=shell)
    assert (str(refused.value), refused.value.message, refused.value.line) == (message, message, line)


def test_white_space_before_an_assignment_is_removed_with_its_line():
    text = "# note\n \tDOCKER_OPTS=--registry-mirror=a\n"
    assert options_editor.put_flag(text, "DOCKER_OPTS", "--registry-mirror", [], shell=False) == "# note\n"

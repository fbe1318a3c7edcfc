# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options files, as systemd and as a shell read them. Each text is also read by a real shell."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import options_editor, options_text

FLAG = "--registry-mirror=https://a.example"

TEXTS = {
    # name: (text, DOCKER_OPTS for systemd, for a shell; None where only a shell could tell)
    "plain": (f"DOCKER_OPTS={FLAG}\n", FLAG, FLAG),
    "double quotes": (f'# note\n\nDOCKER_OPTS="{FLAG} --debug"\n', f"{FLAG} --debug", f"{FLAG} --debug"),
    "single quotes": (f"DOCKER_OPTS='{FLAG} --debug'", f"{FLAG} --debug", f"{FLAG} --debug"),
    "the last one counts": ("DOCKER_OPTS=--debug\nDOCKER_OPTS=--ipv6\n", "--ipv6", "--ipv6"),
    "the vendor's own line": (f'DOCKER_OPTS="${{DOCKER_OPTS}} {FLAG}"\n', f"${{DOCKER_OPTS}} {FLAG}", f" {FLAG}"),
    "twice, by itself": (
        'DOCKER_OPTS="--debug"\nDOCKER_OPTS="$DOCKER_OPTS --ipv6"\n',
        "$DOCKER_OPTS --ipv6",
        "--debug --ipv6",
    ),
    "another variable": ('A=--debug\nDOCKER_OPTS="${A} --ipv6"\n', "${A} --ipv6", "--debug --ipv6"),
    "in single quotes nothing is expanded": ("DOCKER_OPTS='$A --ipv6'\n", "$A --ipv6", "$A --ipv6"),
    "two lines": ('DOCKER_OPTS="--debug \\\n--ipv6"\n', "--debug --ipv6", "--debug --ipv6"),
    "a variable that is not there": ('DOCKER_OPTS="$NONE --debug"\n', "$NONE --debug", " --debug"),
    "nothing": ("DOCKER_OPTS=\n", "", ""),
    "an X": ("#\nDOCKER_OPTS=--label=X=1\n", "--label=X=1", "--label=X=1"),
    "a comment behind": ('DOCKER_OPTS="--debug" # note\n', "--debug# note", "--debug"),
    "a default": ('DOCKER_OPTS="${A:---debug}"\n', "${A:---debug}", None),
    "a variable that only a shell could tell": ('A=$(cat /nowhere)\nDOCKER_OPTS="$A --debug"\n', "$A --debug", None),
    "two commands": ("DOCKER_OPTS=--debug;A=1\n", "--debug;A=1", None),
    "backticks": ("DOCKER_OPTS=`cat`\n", "`cat`", None),
    "a letter escaped": ("DOCKER_OPTS=--de\\bug\n", "--debug", None),
    "a command": ('DOCKER_OPTS="$(cat /nowhere)"\n', "$(cat /nowhere)", None),
    "an escape": ('DOCKER_OPTS="--label a=\\"b\\""\n', '--label a="b"', None),
    "pieces": ("DOCKER_OPTS='--debug'\" --ipv6\"\n", "--debug --ipv6", None),
    "none": ("# DOCKER_OPTS=--debug\n", "", ""),
    "white space behind": ("DOCKER_OPTS=--debug \t\n", "--debug", "--debug"),
    "only an X": ("DOCKER_OPTS=X\n", "X", "X"),
    "a backslash before the end of single quotes": ("DOCKER_OPTS='--label=a\\'\nX='1'\n", "--label=a\\", "--label=a\\"),
    "an X escaped": ("DOCKER_OPTS=--label=\\Xa\n", "--label=Xa", None),
    "an X escaped in double quotes": ('DOCKER_OPTS="--label=\\Xa"\n', "--label=\\Xa", None),
    "what begins with an escape": ("DOCKER_OPTS=\\- a\n", "- a", None),
    "an escape in the line before": ("A=\\a\nDOCKER_OPTS=--debug\n", "--debug", "--debug"),
    "a quote in a key": ('A"=1\nDOCKER_OPTS=--debug\n', "--debug", None),
    "a quote that never closes": ('DOCKER_OPTS="', "", None),
    "pieces of one kind": ('DOCKER_OPTS="--debug"" --ipv6"\n', "--debug --ipv6", None),
    "a line that ends as on Windows": ("DOCKER_OPTS=--debug\r\n", "--debug", None),
    "quotes in comments": ("# don't\n# 5\" wide\nDOCKER_OPTS=--debug\n", "--debug", "--debug"),
    "a comment behind white space": ("DOCKER_OPTS=--debug\n \t# DOCKER_OPTS=--ipv6\n", "--debug", "--debug"),
    "a hash within a word": ("A=X#'\nDOCKER_OPTS=--debug\n'\n", "--debug", None),
    "a hash within a command's name": ("X#;DOCKER_OPTS=--debug\n", "", None),
    "a hash behind a carriage return, which is no space to a shell": ("\r#;DOCKER_OPTS=--debug\n", "", None),
    "backticks in the line before": ("A=`true`\nDOCKER_OPTS=--debug\n", "--debug", "--debug"),
    "backticks around it": ("A=`true\nDOCKER_OPTS=--debug\n`\n", "--debug", None),
}


@pytest.mark.parametrize(("text", "systemd", "shell"), TEXTS.values(), ids=TEXTS)
def test_both_readers(text, systemd, shell):
    empty = options_text.Value("", 0)
    assert options_text.read_as_systemd(text).get("DOCKER_OPTS", empty).text == systemd
    assert options_text.read_as_shell(text).get("DOCKER_OPTS", empty).text == shell
    if shell is not None:
        real = subprocess.run(
            ["sh", "-c", f'{text}\nprintf %s "$DOCKER_OPTS"'],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/bin:/bin"},
        )
        assert real.stdout == shell, "a real shell"


LINES = 'X=1\n\n# x\nnot an assignment\nDOCKER_OPTS="--debug \\\n--ipv6"\nexport XB=2\nC=3\\'


def test_lines_of_systemd():
    """systemd has no export, and the last line continues on no other."""
    assert options_text.read_as_systemd(LINES) == {"X": ("1", 1), "DOCKER_OPTS": ("--debug --ipv6", 5), "C": ("3", 8)}


def test_lines_of_a_shell():
    """A command may set each variable that it names."""
    unknown = dict.fromkeys(("not", "an", "assignment"), (None, 4))
    values = {"X": ("1", 1), **unknown, "DOCKER_OPTS": ("--debug --ipv6", 5), "XB": ("2", 7), "C": (None, 8)}
    assert options_text.read_as_shell(LINES) == values


def test_words_of_a_unit():
    variables = options_text.read_as_systemd("DOCKER_OPTS=\"--label 'a b' --debug\"\nROOT=/data dir\n")
    argv = ["/usr/sbin/dockerd", "--data-root=${ROOT}", "$DOCKER_OPTS", "$NONE", "--label=${NONE}"]
    words = ["/usr/sbin/dockerd", "--data-root=/data dir", "--label", "a b", "--debug", "--label="]
    assert options_text.words_of_systemd(argv, variables) == words


@pytest.mark.parametrize(("text", "words"), [("--debug  --ipv6 ", ["--debug", "--ipv6"]), (None, [])])
def test_words_of_a_shell(text, words):
    assert options_text.words_of_shell(options_text.Value(text, 1)) == words


def test_assignments():
    text = 'X=1\nDOCKER_OPTS="--a"\nDOCKER_OPTS="$DOCKER_OPTS --b"\n'
    first = (2, 4, 21, 'DOCKER_OPTS="--a"', (17, 20), False)
    last = (3, 22, 52, 'DOCKER_OPTS="$DOCKER_OPTS --b"', (35, 51), True)
    assert options_text.assignments(text, "DOCKER_OPTS", shell=True) == [first, last]
    assert options_text.assignments(text, "DOCKER_OPTS", shell=False) == [(*last[:4], None, True)]


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


def test_what_the_properties_found():
    """Each was once read or written in another way than a shell or systemd does."""
    # A hash after $(...) is within a word, so the quote after it opens a string that never closes.
    odd = 'OTHER=""\'"\nDOCKER_OPTS=\'$(echo x)#\'\nOTHER="--debug"\n'
    assert "--debug" not in [value.text for value in options_text.read_as_shell(odd).values()]
    assert options_text.read_as_shell("(true)#'\nOTHER=x\n")["OTHER"].text == "x"
    # After a backslash systemd drops either character of a line end; in quotes only a line feed (src/basic/env-file.c).
    assert options_text.read_as_systemd('A="" \\\r\nB="\\\r"\n') == {
        "A": options_text.Value("", 1),
        "B": options_text.Value("\\\r", 2),
    }
    # White space before the assignment is removed with its line.
    text = "# note\n \tDOCKER_OPTS=--registry-mirror=a\n"
    assert options_editor.put_flag(text, "DOCKER_OPTS", "--registry-mirror", [], shell=False) == "# note\n"

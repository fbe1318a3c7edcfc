# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options files, as systemd and as a shell read them. Each text is also read by a real shell."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._text import options_text

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


DOUBLED = {
    "each line doubles it": "A=x\n" + "A=$A$A\n" * 24 + "B=--debug\n",
    "each line is as long as the first": f"A={'x' * 100_000}\n" + "".join(f"C{number}=$A\n" for number in range(200)),
}


@pytest.mark.parametrize("text", DOUBLED.values(), ids=DOUBLED)
def test_variables_of_variables_do_not_take_all_memory(text):
    """Twenty more lines would take the memory of any host. A value that is not known changes no other one."""
    values = options_text.read_as_shell(f"{text}DOCKER_OPTS=--ipv6\n")
    assert sum(len(value.text or "") for value in values.values()) < 4 * 1024 * 1024
    assert None in [value.text for value in values.values()]
    assert values["DOCKER_OPTS"].text == "--ipv6"


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

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options files, as systemd reads them and as a shell does. What a shell makes of each is asked of a real one."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils import _options_text

FLAG = "--registry-mirror=https://a.example"

TEXTS = {
    # name: (text, DOCKER_OPTS for systemd, for a shell; None where only a shell could tell)
    "plain": (f"DOCKER_OPTS={FLAG}\n", FLAG, FLAG),
    "double quotes": (f'# note\n\nDOCKER_OPTS="{FLAG} --debug"\n', f"{FLAG} --debug", f"{FLAG} --debug"),
    "single quotes": (f"DOCKER_OPTS='{FLAG} --debug'", f"{FLAG} --debug", f"{FLAG} --debug"),
    "the last one counts": ("DOCKER_OPTS=--debug\nDOCKER_OPTS=--ipv6\n", "--ipv6", "--ipv6"),
    "the vendor's own line": (f'DOCKER_OPTS="${{DOCKER_OPTS}} {FLAG}"\n', f"${{DOCKER_OPTS}} {FLAG}", f" {FLAG}"),
    "twice, by itself": ('DOCKER_OPTS="--debug"\nDOCKER_OPTS="$DOCKER_OPTS --ipv6"\n', "$DOCKER_OPTS --ipv6", "--debug --ipv6"),
    "another variable": ('A=--debug\nDOCKER_OPTS="${A} --ipv6"\n', "${A} --ipv6", "--debug --ipv6"),
    "in single quotes nothing is expanded": ("DOCKER_OPTS='$A --ipv6'\n", "$A --ipv6", "$A --ipv6"),
    "two lines": ('DOCKER_OPTS="--debug \\\n--ipv6"\n', "--debug --ipv6", "--debug --ipv6"),
    "a command": ('DOCKER_OPTS="$(cat /nowhere)"\n', "$(cat /nowhere)", None),
    "an escape": ('DOCKER_OPTS="--label a=\\"b\\""\n', '--label a="b"', None),
    "pieces": ("DOCKER_OPTS='--debug'\" --ipv6\"\n", "--debug --ipv6", None),
    "none": ("# DOCKER_OPTS=--debug\n", "", ""),
}


@pytest.mark.parametrize(("text", "systemd", "shell"), TEXTS.values(), ids=TEXTS)
def test_both_readers(text, systemd, shell):
    empty = _options_text.Value("", 0)
    assert _options_text.read_as_systemd(text).get("DOCKER_OPTS", empty).text == systemd
    assert _options_text.read_as_shell(text).get("DOCKER_OPTS", empty).text == shell
    if shell is not None:
        real = subprocess.run(["sh", "-c", f'{text}\nprintf %s "$DOCKER_OPTS"'], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"})
        assert real.stdout == shell, "a real shell"


def test_lines():
    text = 'A=1\n\n# x\nDOCKER_OPTS="--debug \\\n--ipv6"\nexport B=2\n'
    assert {name: value.line for name, value in _options_text.read_as_shell(text).items()} == {"A": 1, "DOCKER_OPTS": 4, "B": 6}


def test_words_of_a_unit():
    variables = _options_text.read_as_systemd("DOCKER_OPTS=\"--label 'a b' --debug\"\nROOT=/data dir\n")
    argv = ["/usr/sbin/dockerd", "--data-root=${ROOT}", "$DOCKER_OPTS", "$NONE"]
    words = ["/usr/sbin/dockerd", "--data-root=/data dir", "--label", "a b", "--debug"]
    assert _options_text.words_of_systemd(argv, variables) == words

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that can hold mirror flags: which mirrors each lists, its text with another list, and what it refuses."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._change import places
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._text import unit_text

A, B, C = "https://a.example", "https://b.example/X", "https://c.example"
FLAG = "--registry-mirror"


def options_file(text, shell=False):
    return places.OptionsFile("/etc/default/docker", text, "OPTS", shell=shell)


OPTIONS = {
    # name: (text, for a shell, mirrors, whether the flag is there, its line, the line of the place)
    "no file": (None, False, [], False, None, None),
    "another variable": (f'X="{FLAG}={A}"\n'.encode(), True, [], False, None, None),
    "no flag": (b"OPTS=--debug\n# note\nOPTS=--ipv6\n", True, [], False, None, 3),
    "one": (f'#\nOPTS="{FLAG}={A} --debug"\n'.encode(), False, [A], True, 2, 2),
    "in quotes of its own": (f"OPTS=\"{FLAG}='{B}' --debug\"\n".encode(), False, [B], True, 1, 1),
    "two lines": (
        f'OPTS="{FLAG}={A}"\nOPTS="$OPTS {FLAG} {B}"\nOPTS="$OPTS --debug"\n'.encode(),
        True,
        [A, B],
        True,
        2,
        2,
    ),
    "two lines, for systemd": (f'OPTS="{FLAG}={A}"\nOPTS="{FLAG} {B}"\n'.encode(), False, [B], True, 2, 2),
    "only a shell knows it": (f'OPTS="$(x) {FLAG}={A}"\n'.encode(), True, [], True, 1, 1),
    "plain text for systemd": (f'OPTS="$(x) {FLAG}={A}"\n'.encode(), False, [A], True, 1, 1),
    "only a shell knows it, no flag": (b'\nOPTS="$(x)"\n', True, [], False, None, 2),
    "not UTF-8": (f'# \xe4\nOPTS="{FLAG}={A}"\n'.encode("latin-1"), True, [A], True, 2, 2),
}


@pytest.mark.parametrize(("text", "shell", "listed", "present", "line", "place"), OPTIONS.values(), ids=OPTIONS)
def test_options_file_lists(text, shell, listed, present, line, place):
    source = options_file(text, shell)
    assert (source.path, source.data, source.variable) == ("/etc/default/docker", text, "OPTS")
    assert (source.listed, source.present, source.line) == (listed, present, line or None)
    where = f"/etc/default/docker, line {place}" if place else "/etc/default/docker"
    assert source.place() == where
    assert source.reason == (f"{where}: only a shell knows the value of OPTS" if shell and b"$(" in text else None)


OPTIONS_TEXTS = {
    # name: (text, for a shell, mirrors, text after)
    "no file, none": (None, False, [], None),
    "no file, one": (None, False, [A], f'OPTS="{FLAG}={A}"\n'),
    "as it is": (f"OPTS={FLAG}={A}", False, [A], f"OPTS={FLAG}={A}"),
    "one more": (f'# \xe4\nOPTS="{FLAG} {A}"\n', True, [A, C], f'# \xe4\nOPTS="{FLAG} {A} {FLAG}={C}"\n'),
    "for a shell, with a comment": (f'OPTS="{FLAG}={A} --debug" # note\n', True, [], 'OPTS="--debug" # note\n'),
}


@pytest.mark.parametrize(("text", "shell", "mirrors", "after"), OPTIONS_TEXTS.values(), ids=OPTIONS_TEXTS)
def test_options_file_with_another_list(text, shell, mirrors, after):
    written = options_file(text and text.encode("latin-1"), shell).text(mirrors)
    assert written == (after and after.encode("latin-1"))


def test_options_file_of_more_than_plain_words_is_refused():
    with pytest.raises(Refused) as refused:
        options_file(b'#\nOPTS="$(x)"\n', shell=True).text([A])
    assert str(refused.value) == (
        "/etc/default/docker, line 2: the value of OPTS is more than plain words, and its effect cannot be determined. "
        "Edit it by hand, or write plain words there."
    )


def setting(path, text):
    """The command line of a unit or drop-in."""
    return unit_text.command([(path, text)])


def unit_file(text, path="/etc/systemd/system/docker.service"):
    return places.UnitFile(path, text.encode("latin-1"), setting(path, text))


@pytest.mark.parametrize(("flags", "listed"), [("", []), (f" {FLAG}={A} {FLAG} {C} -D", [A, C])])
def test_unit_file_lists(flags, listed):
    source = unit_file(f"[Service]\nExecStart=/d{flags}\n")
    assert (source.path, source.data) == (
        "/etc/systemd/system/docker.service",
        f"[Service]\nExecStart=/d{flags}\n".encode(),
    )
    assert (source.listed, source.present, source.line, source.reason) == (listed, bool(listed), 2, None)
    assert source.place() == "/etc/systemd/system/docker.service, line 2"


@pytest.mark.parametrize("mirrors", [[A, C], [C], []])
def test_unit_file_with_another_list(mirrors):
    before, after = "# \xe4\n[Service]\nExecStart=/d", " -D\nType=notify\n"
    text = before + f" {FLAG}={A} {FLAG}={C}" + after
    written = before + "".join(f" {FLAG}={mirror}" for mirror in mirrors) + after
    assert unit_file(text).text(mirrors) == written.encode("latin-1")


@pytest.mark.parametrize("folder", ["/lib", "/usr/lib", "/usr/local/lib", "/run"])
def test_unit_file_of_a_package_is_left_alone(folder):
    path = f"{folder}/systemd/system/docker.service"
    text = f"[Service]\nExecStart=/d {FLAG}={A}\n"
    source = unit_file(text, path)
    assert source.text([A]) == text.encode()
    with pytest.raises(Refused) as refused:
        source.text([])
    assert str(refused.value) == (
        f"{path}, line 2: the flag is in a file of a package, which the next version of the package overwrites. "
        "Set an ExecStart without the flag (systemctl edit), and run this again."
    )


@pytest.mark.parametrize(
    "word",
    [f'{FLAG}="{C}"', f"{FLAG} '{C}'", f"\\\n# note\n {FLAG}={C}"],
    ids=["quotes", "more quotes", "behind a comment"],
)
def test_unit_file_of_more_than_plain_words_is_refused(word):
    """Without the last line of a command, the comment before it would go on in the next setting."""
    source = unit_file(f"[Service]\nExecStart=/d {FLAG}={A} {word}\nType=notify\n")
    assert source.listed == [A, C]
    with pytest.raises(Refused) as refused:
        source.text([A])
    assert str(refused.value) == (
        "/etc/systemd/system/docker.service, line 2: the flag is more than a plain word there. Take it out by hand."
    )


OWN = "/etc/systemd/system/docker.service.d/zz-pullthrough-docker.conf"
UNIT = "/lib/systemd/system/docker.service"


def drop_in(data, command):
    return places.DropIn(OWN, data, command and setting(UNIT, f"[Service]\nExecStart={command}\n"))


def own_text(command):
    return (
        f"# Written by the Ansible collection pullthrough.docker: the command line of\n# {UNIT},\n"
        "# with the registry mirrors at its end. It is written anew when that changes.\n"
        f"[Service]\nExecStart=\nExecStart={command}\n"
    ).encode(errors="surrogateescape")


DROP_INS = {
    # name: (text of ours, the unit's own command line, mirrors, whether the flag is in ours, line, stale)
    "no file": (None, "/d", [], False, None, False),
    "no file, flags in the unit": (None, f"/d {FLAG}={A}", [A], False, None, False),
    "no file, no unit": (None, None, [], False, None, False),
    "ours": (own_text(f"/d {FLAG}={A}"), "/d", [A], True, 6, False),
    "ours beats the unit": (own_text(f"/d {FLAG}={A}"), f"/d {FLAG}={C}", [A], True, 6, False),
    "ours, without flags": (own_text("/d"), f"/d {FLAG}={C}", [], False, 6, False),
    "the unit changed": (own_text(f"/d {FLAG}={A}"), "/d -D", [A], True, 6, True),
    "the unit has them now": (own_text(f"/d {FLAG}={A}"), f"/d {FLAG}={A}", [A], True, 6, True),
    "the unit is gone": (own_text(f"/d {FLAG}={A}"), None, [A], True, 6, False),
    "a file without a command line": (b"# \xe4\n", "/d", [], False, None, False),
}


@pytest.mark.parametrize(("data", "command", "listed", "present", "line", "stale"), DROP_INS.values(), ids=DROP_INS)
def test_drop_in_lists(data, command, listed, present, line, stale):
    source = drop_in(data, command)
    assert (source.path, source.data, source.reason) == (OWN, data, None)
    assert (source.listed, source.present, source.line, source.is_stale) == (listed, present, line, stale)
    assert source.place() == (f"{OWN}, line {line}" if line else OWN)


DROP_IN_TEXTS = {
    # name: (the unit's own command line, mirrors, the command line after)
    "as in the unit": (f"/d {FLAG}={A}", [A], None),
    "none, as in the unit": ("/d", [], None),
    "two": ("/d -H fd://", [A, C], f"/d -H fd:// {FLAG}={A} {FLAG}={C}"),
    "other than in the unit": (f"/d {FLAG}={A} -D", [C], f"/d -D {FLAG}={C}"),
    "none of the unit's": (f"/d {FLAG}={A} -D", [], "/d -D"),
    "on several lines": ("/d \\\n  -D", [A], f"/d -D {FLAG}={A}"),
    "bytes that are not UTF-8": ("/d --label=\udce4", [A], f"/d --label=\udce4 {FLAG}={A}"),
}


@pytest.mark.parametrize(("command", "mirrors", "after"), DROP_IN_TEXTS.values(), ids=DROP_IN_TEXTS)
def test_drop_in_with_another_list(command, mirrors, after):
    assert drop_in(None, command).text(mirrors) == (after and own_text(after))


def test_drop_in_without_a_command_line_is_refused():
    with pytest.raises(Refused) as refused:
        drop_in(None, None).text([A])
    assert str(refused.value) == f"{OWN}: the unit has no ExecStart of its own to which flags can be added."


@pytest.mark.parametrize("character", ["$", "%", '"', "'", "\\", ";", " ", "~"])
@pytest.mark.parametrize("source", [options_file(None), drop_in(None, "/d")], ids=["options_file", "drop_in"])
def test_a_mirror_that_is_no_plain_word_is_kept_out_of_flags(source, character):
    with pytest.raises(Refused) as refused:
        source.text([A, f"https://me:secret@b.example/{character}"])
    assert str(refused.value) == (
        f"{source.path}: the mirror https://***@b.example/{character} has characters with a special meaning "
        "in units and options files. Keep it in daemon.json (source: daemon_json)."
    )

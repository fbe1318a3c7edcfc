# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why an engine did not start or refused a reload, in the words of its log."""

from __future__ import annotations

import pytest

from fake_engines import REFUSAL, USER, as_user, write_program

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    engine_log,
    engines,
    processes,
)

pytestmark = pytest.mark.usefixtures("in_time")


LOGS = {
    # name: (what the log holds, what is quoted of it)
    "empty": ("", None),
    "without a failure": ("level=info msg=x\n", None),
    "with failures": (
        "failed to start daemon: a\nfailed to start daemon: b\nlevel=info msg=x\n"
        "  failed to start daemon: https://u:pw@x is bad  \nend\n",
        "failed to start daemon: https://***@x is bad",
    ),
}


@pytest.mark.parametrize(("journal", "said"), LOGS.values(), ids=LOGS)
@pytest.mark.parametrize(
    ("state", "user", "unit"),
    [("failed", 0, "_SYSTEMD_UNIT"), ("activating", 0, "_SYSTEMD_UNIT"), ("failed", USER, "_SYSTEMD_USER_UNIT")],
)
def test_why_it_did_not_start_in_the_journal(host, systemd, monkeypatch, journal, said, state, user, unit):
    as_user(monkeypatch, user)
    systemd("one.service", journal, ActiveState=state, FragmentPath="/x")
    reason = "the service one is not running" + (f", it said: {said}" if said else "")
    assert engines.look("one", 10).reason == reason
    assert (host / "asked").read_text() == f"--no-pager -q -o cat -n 100 _TRANSPORT=stdout {unit}=one.service\n"


@pytest.mark.parametrize(("log", "said"), LOGS.values(), ids=LOGS)
def test_why_it_did_not_start_in_the_log_of_an_init_script(host, log, said):
    write_program(host / "bin/dockerd", "")
    (host / "text").write_text(log)
    write_program(host / "bin/tail", f'echo "$*" >>{host}/asked\nexec /bin/cat {host}/text')
    reason = "the service one is not running" + (f", it said: {said}" if said else "")
    assert engines.look("one", 10).reason == reason
    assert (host / "asked").read_text() == "-n 3 /var/log/one.log\n", "the last lines of a good end tell nothing"


def test_a_journal_that_hangs(host, systemd, monkeypatch):
    monkeypatch.setattr(engine_log, "LOG_SECONDS", 0.1)
    systemd(ActiveState="failed", FragmentPath="/x")
    write_program(host / "bin/journalctl", f"/bin/sleep 2\necho failed to start daemon: x\necho '{REFUSAL}'")
    assert engines.look("docker", 10).reason == "the service docker is not running"
    assert engine_log.Log(processes.Process(99999999, "1", (), None)).refusal() is None


READ = {
    # name: (what journalctl prints, the lengths of the first and the last line that is read)
    "more than other programs may print": ("ab\n" * 700_000, [2, 0]),
    "more than the limit": ("ab\n" * 6_000_000, []),
    "a long line": ("a" * 100_000 + "\nb", [65536, 1]),
}


@pytest.mark.parametrize(("journal", "lengths"), READ.values(), ids=READ)
def test_how_much_of_the_journal_is_read(host, systemd, journal, lengths):
    systemd(journal=journal)
    write_program(host / "bin/journalctl", f"/bin/cat {host}/journal")
    lines = engine_log.Log(processes.Process(99999999, "1", (), None)).lines()
    assert [len(line) for line in (*lines[:1], *lines[-1:])] == lengths


LINES = {
    # name: (line of the engine, whether it is a refusal)
    "the mirrors": ('time="x" level=error msg="Error reconfiguring the daemon: invalid mirror: x"', True),
    "a mirror's reason in another line": (
        'time="x" level=error msg="Handler for POST /images/create: 500 '
        'level=error msg=\\"Error reloading configuration\\""',
        False,
    ),
    "a mirror's reason in a warning": (
        'time="x" level=warning msg="500 level=error msg="Error reconfiguring the daemon""',
        False,
    ),
    "the file": (
        'time="x" level=fatal msg="unable to configure the Docker daemon with file /etc/docker/daemon.json: x"',
        True,
    ),
    "its syntax": (
        'time="x" level=error msg="Error reloading configuration" error="file configuration validation failed"',
        True,
    ),
    "something else": ('time="x" level=error msg="Handler for POST /v1.41/images/create returned error: x"', False),
    "success": ('time="x" level=info msg="Reloaded configuration: {}"', False),
}


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(("line", "is_refusal"), LINES.values(), ids=LINES)
def test_the_line_of_a_refusal_in_the_journal(host, systemd, line, is_refusal, code):
    systemd(journal=f"level=info\n{line} https://u:pw@x \nlevel=info\n")
    write_program(host / "bin/journalctl", f"/bin/cat {host}/journal\nexit {code}")
    log = engine_log.Log(processes.Process(99999999, "1", (), None))
    assert log.refusal() == (f"{line} https://***@x" if is_refusal and code == 0 else None)


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_a_text_in_a_line_does_not_begin_another_line(end):
    """Only a line feed ends a line of the engine. Python would split at each of these characters too."""
    line = f'{{"msg":"a{end}level=error msg=forged"}}'
    assert engine_log._lines(f"{line}\r\nnext\n") == [line, "next", ""]

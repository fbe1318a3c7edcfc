# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The engine's log: why it refused a reload, why it did not start, and what it wrote during a pull.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os
import re
import stat
import time

from typing import List, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._host import (
    files,
    processes,
    programs,
    scope,
    services,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

LOG_SECONDS = 5
"""The most seconds that reading a log may take."""

JOURNAL_LIMIT = 16 * 1024 * 1024
"""The most bytes that are read of the journal: during a pull, an engine in debug mode writes thousands of lines."""

LINE_LIMIT = 65536
"""The most characters that are kept of one line."""

_REFUSAL = re.compile(
    r'(?:time="[^"]*" )?level=(?:error|fatal) '
    r'msg="(?:[Ee]rror reconfiguring the daemon|[Ee]rror reloading configuration|unable to configure the Docker daemon)'
)
"""How the engine's own line begins. It must match at the start, because other lines quote what a mirror answered."""

_ENGINE_ONLY = "_TRANSPORT=stdout"
"""The journal entries that the engine printed. With the log driver journald it also sends the output of containers."""

_START_FAILURE = re.compile(r"^\s*failed to |unable to configure the Docker daemon|invalid argument")


def last_words(name: str) -> str:
    """Return the end of a sentence that quotes, masked, why the engine did not start; "" when its log does not say."""
    if services.has_systemd():
        unit = "_SYSTEMD_UNIT" if scope.is_root() else "_SYSTEMD_USER_UNIT"
        command = _journal(100, f"{unit}={name}.service")
    else:
        # Debian's init scripts write the engine's log there. A failed start is in its last lines.
        command = ["tail", "-n", "3", f"/var/log/{name}.log"]
    _code, out = programs.run(command, LOG_SECONDS, limit=JOURNAL_LIMIT)
    failures = [line for line in _lines(out) if _START_FAILURE.search(line)]
    return f", it said: {masking.mask(failures[-1].strip())}" if failures else ""


class Log:
    """The engine's log from now on: the file or the journal that its standard error goes to."""

    def __init__(self, process: processes.Process, most: int = 200) -> None:
        """Remember where the log ends now.

        :param most: the most lines that are read of the journal.
        """
        self._pid = process.pid
        self._most = most
        self._since = time.time()
        self._file = f"/proc/{process.pid}/fd/2"
        self._start: Optional[int] = None
        try:
            target = os.stat(self._file)
            if stat.S_ISREG(target.st_mode):
                self._start = target.st_size
        except OSError:
            pass  # The log only explains a failure. The proof of a reload is /info.

    def refusal(self) -> Optional[str]:
        """Return the masked line that says why the engine refused a reload, or None while there is none."""
        for line in self.lines():
            if _REFUSAL.match(line.strip()):
                return masking.mask(line.strip())
        return None

    def lines(self) -> List[str]:
        """Return the lines that the engine wrote since then, as far as they can be read."""
        if self._start is not None:
            return _lines(files.text_of(self._file, start=self._start))
        command = _journal(self._most, f"_PID={self._pid}", f"--since=@{self._since:.6f}")
        code, out = programs.run(command, LOG_SECONDS, limit=JOURNAL_LIMIT)
        return _lines(out) if code == 0 else []


def _journal(most: int, *conditions: str) -> List[str]:
    """Return the command that prints the last lines of the engine in the journal."""
    return ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", str(most), _ENGINE_ONLY, *conditions]


def _lines(text: str) -> List[str]:
    """Return the lines of a text, each cut to LINE_LIMIT characters."""
    # Only here does the engine end a line. A text in it can have other characters that Python takes for the end of one.
    return [line[:LINE_LIMIT] for line in text.replace("\r\n", "\n").split("\n")]

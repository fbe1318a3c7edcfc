# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The engine's own log: why it refused a reload, why it did not start, what it said during a pull.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os
import re
import stat
import time

from typing import List, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, processes, programs, services
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

LOG_SECONDS = 5
"""For reading a log at the most."""

LINE_LIMIT = 65536
"""Characters of a line of a log that are read."""

_REFUSAL = re.compile(
    r'(?:time="[^"]*" )?level=(?:error|fatal) '
    r'msg="(?:[Ee]rror reconfiguring the daemon|[Ee]rror reloading configuration|unable to configure the Docker daemon)'
)
"""The engine's own line, from its beginning: what a mirror said of itself is quoted in lines too."""

_OWN_WORDS = "_TRANSPORT=stdout"
"""Of the journal, what the engine itself printed: with the log driver journald it sends there, in its name, what containers print."""

_START_FAILURE = re.compile(r"^\s*failed to |unable to configure the Docker daemon|invalid argument")


# -- reloading -------------------------------------------------------------------------------------------------------


def last_words(name: str) -> str:
    """The line in which an engine that would not start said why, masked, as the end of a sentence; nothing where its log has none."""
    if services.has_systemd():
        unit = "_SYSTEMD_UNIT" if os.geteuid() == 0 else "_SYSTEMD_USER_UNIT"
        command = ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", "100", _OWN_WORDS, f"{unit}={name}.service"]
    else:
        # Where Debian's init script, for sysvinit and OpenRC, sends what the engine says. Of a good end, its last lines tell nothing.
        command = ["tail", "-n", "3", f"/var/log/{name}.log"]
    _code, out = programs.run(command, LOG_SECONDS)
    lines = [line for line in _lines(out) if _START_FAILURE.search(line)]
    return f", it said: {masking.mask(lines[-1].strip())}" if lines else ""


class Log:
    """The engine's own log from now on: where its standard error goes, a file or the journal."""

    def __init__(self, process: processes.Process, most: int = 200) -> None:
        """:param most: lines of the journal that are read."""
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
            pass  # A log that cannot be found is no reason to leave a host as it is: the proof is /info.

    def refusal(self) -> Optional[str]:
        """The engine's line that says why it refused a reload, masked, or None when there is none (yet)."""
        for line in self.lines():
            if _REFUSAL.match(line.strip()):
                return masking.mask(line.strip())
        return None

    def lines(self) -> List[str]:
        """What it says since then, as far as it can be read."""
        if self._start is not None:
            return _lines(files.text_of(self._file, start=self._start))
        command = ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", str(self._most), _OWN_WORDS, f"_PID={self._pid}", f"--since=@{self._since:.6f}"]
        code, out = programs.run(command, LOG_SECONDS)
        return _lines(out) if code == 0 else []


def _lines(text: str) -> List[str]:
    return [line[:LINE_LIMIT] for line in text.splitlines()]

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A limit for tests of what could wait without end."""

from __future__ import annotations

import contextlib
import signal

import pytest


@contextlib.contextmanager
def ends_within(seconds):
    """Fail a test that is still waiting after this time."""

    def interrupt(_signal, _frame):
        pytest.fail(f"it does not end within {seconds} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another user of the machine, for tests of what such a user can do."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile

import pytest

NOBODY = 65534


class Nobody:
    """The user nobody, and a folder that all users can enter."""

    def __init__(self, folder):
        self.folder = folder
        self.id = NOBODY
        self._children = []

    def start(self, function):
        """Run a function as this user, in its own process, which ends with the test."""
        child = os.fork()
        if not child:
            code = 1
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                function()
                code = 0
            finally:
                os._exit(code)
        self._children.append(child)
        return child

    def can(self, function):
        """Return whether a function succeeds as this user."""
        child = self.start(function)
        self._children.remove(child)
        return os.waitpid(child, 0)[1] == 0

    def end(self):
        for child in self._children:
            os.kill(child, 9)
            os.waitpid(child, 0)


@pytest.fixture
def nobody():
    if os.geteuid() != 0:
        why = "this test acts as the user nobody, which needs root: sudo make unit"
        if "CI" in os.environ:
            pytest.fail(why)
        pytest.skip(why)
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    user = Nobody(folder)
    yield user
    user.end()
    shutil.rmtree(folder)

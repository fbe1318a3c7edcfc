# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with files of Podman in a folder of their own."""

from __future__ import annotations

import importlib

from ansible_collections.pullthrough.docker.plugins.module_utils._host import scope
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.tests.unit.model import COLLECTION, lock_folder

MODULES = ["client_mirrors", "client_mirrors_info"]


class Machine:
    """The folders of the clients, the programs that are installed, and the user who runs the modules."""

    def __init__(self, folder):
        self.vendor, self.system, self.home = folder / "usr/share", folder / "etc/containers", folder / "home"
        self.engine = folder / "etc/docker"
        self.programs = {"podman"}
        self.user = 0

    @property
    def own(self):
        """The file that the modules write."""
        if self.user:
            return self.home / "registries.conf.d/zz-pullthrough-docker.user.conf"
        return self.system / "registries.conf.d/zz-pullthrough-docker.conf"

    def stand_in(self, patch):
        """Let the modules find this machine in place of the one that the tests run on."""
        patch.setattr(scope, "lock_folder", lock_folder)
        for name in MODULES:
            module = importlib.import_module(f"{COLLECTION}.plugins.modules.{name}")
            patch.setattr(module, "Host", lambda module: _Host(module, self))


class _Host(Host):
    def __init__(self, module, machine):
        super().__init__(module)
        self._machine = machine

    def user(self):
        return self._machine.user

    def has_program(self, names):
        return bool(self._machine.programs & {*names})

    def containers_folders(self):
        machine = self._machine
        return str(machine.vendor), str(machine.system), str(machine.home), str(machine.engine)

# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Whose engine: root's or a user's, and the folders that belong to each.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os

from typing import List


def user_config() -> str:
    """The folder of configuration of the user who runs this."""
    return os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")


def unit_folders() -> List[str]:
    """Where units and drop-ins lie, the administrator's folder first (systemd.unit(5))."""
    if os.geteuid() == 0:
        return ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"]
    return [os.path.join(user_config(), "systemd/user"), "/etc/systemd/user", "/run/systemd/user", "/usr/lib/systemd/user"]


def runtime_dir() -> str:
    """The folder of sockets and pid files of the user who runs this."""
    if os.geteuid() == 0:
        return "/var/run"
    return os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"


def certs_folder() -> str:
    """Where the engine of the user who runs this looks for certificates and hosts of registries."""
    return "/etc/docker/certs.d" if os.geteuid() == 0 else os.path.join(user_folder(), "certs.d")


def user_folder() -> str:
    return os.path.join(user_config(), "docker")

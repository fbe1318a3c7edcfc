# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Whose engine: root's or a user's, and the folders that belong to each.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os

from typing import List, Tuple

_ROOT = 0


def user_id() -> int:
    """Return the id of the user who runs this."""
    return os.geteuid()


def is_root() -> bool:
    """Return whether root runs this, so that it is about root's engine and the system's units."""
    return user_id() == _ROOT


def is_trusted(user: int) -> bool:
    """Return whether a user is root or the one who runs this."""
    return user in (_ROOT, user_id())


def systemctl_scope() -> List[str]:
    """Return the options that make ``systemctl`` and ``busctl`` ask the manager of the user who runs this."""
    return [] if is_root() else ["--user"]


def user_config() -> str:
    """Return the configuration folder of the user who runs this."""
    return os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")


def user_data() -> str:
    """Return the data folder of the user who runs this."""
    return os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")


def user_folder() -> str:
    """Return the folder with the Docker configuration of the user who runs this."""
    return os.path.join(user_config(), "docker")


def containers_folders() -> Tuple[str, str, str, str]:
    """Return the folders of Podman and its relatives: of the distribution, of the administrator, of the user who runs
    this, and of root's engine. Only the newest clients look at ``XDG_CONFIG_HOME``."""
    return "/usr/share/containers", "/etc/containers", os.path.expanduser("~/.config/containers"), "/etc/docker"


def unit_folders() -> List[str]:
    """Return the folders of units and drop-ins, the administrator's folder first (systemd.unit(5))."""
    if is_root():
        return [
            "/etc/systemd/system",
            "/run/systemd/system",
            "/usr/local/lib/systemd/system",
            "/usr/lib/systemd/system",
            "/lib/systemd/system",
        ]
    user_units = os.path.join(user_config(), "systemd/user")
    return [user_units, "/etc/systemd/user", "/run/systemd/user", "/usr/lib/systemd/user"]


def runtime_dir() -> str:
    """Return the folder of sockets and pid files of the user who runs this."""
    if is_root():
        return "/var/run"
    return os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{user_id()}"


def lock_folder() -> str:
    """Return the folder of this user's lock. A user without a session has no runtime folder."""
    folder = runtime_dir()
    return folder if os.path.isdir(folder) else user_config()


def docker_config() -> str:
    """Return the path of the configuration of this user's docker command, which has the logins."""
    return os.path.join(os.path.expanduser("~"), ".docker/config.json")


def certs_folder() -> str:
    """Return the folder in which this user's engine looks for the certificates and hosts of registries."""
    return "/etc/docker/certs.d" if is_root() else os.path.join(user_folder(), "certs.d")

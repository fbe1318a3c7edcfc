# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options and notes of all modules. This fragment is private to the collection. Do not use it in another one."""

from __future__ import annotations


class ModuleDocFragment:
    """Which engine, which file, how long to wait."""

    DOCUMENTATION = r"""
options:
  path:
    description:
      - Absolute path of the engine's configuration file.
      - By default, the file that the engine uses. That is its C(--config-file), C(~/.config/docker/daemon.json) for a
        rootless engine, the file of the snap, or else V(/etc/docker/daemon.json).
    type: path
  service:
    description:
      - Name of the engine's systemd unit or init script.
      - Patterns, paths and other names (aliases) of a unit are refused.
    type: str
    default: docker
  timeout:
    description: Seconds to wait for an answer of the engine, and for another run of the same user to end.
    type: int
    default: 10
notes:
  - The user who runs the task selects the engine. Root selects the root engine, any other user that user's
    rootless engine. Use C(become) accordingly.
  - The module refuses a user without an engine on a host where root has one, unless O(path) names the file.
  - The module talks to the engine over its unix socket. It does not use the C(docker) command, C(DOCKER_HOST) or
    contexts, and the host needs only Python.
  - A stopped engine is never started, not even by a query.
requirements:
  - Docker Engine 20.10 or later, to have mirrors in force
"""

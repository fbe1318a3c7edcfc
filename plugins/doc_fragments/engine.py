# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options, notes and attributes that the modules of this collection share."""

from __future__ import annotations


class ModuleDocFragment:
    """Which engine, which file, how long to wait."""

    DOCUMENTATION = r"""
options:
  path:
    description:
      - The engine's configuration file, an absolute path.
      - Without it, it is the one that the engine uses, namely its C(--config-file), or for a rootless engine C(~/.config/docker/daemon.json),
        or the snap's, or else V(/etc/docker/daemon.json).
    type: path
  service:
    description: The unit or init script of the engine.
    type: str
    default: docker
  timeout:
    description: Seconds to wait for the engine's answers, and for another run to end that changes the same files.
    type: int
    default: 10
attributes:
  platform:
    description: Where the module can run.
    support: full
    platforms: linux
notes:
  - The user who runs the task decides which engine is meant. Root means the root engine, any other user means that user's rootless one.
    Use C(become) accordingly.
  - A task of a user who has no engine is refused where root has one, unless O(path) names the file.
  - The engine is asked over its own unix socket. The C(docker) command, C(DOCKER_HOST) and contexts have no say, and nothing but Python is needed
    on the host.
  - A stopped engine is never started, not by asking it either.
requirements:
  - Docker Engine 20.10 or later, to have mirrors in force
"""

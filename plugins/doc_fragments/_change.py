# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the modules that change something.

This fragment is private to the collection. Do not use it in another one.
"""

from __future__ import annotations


class ModuleDocFragment:
    """How a change takes effect, and what it must not do."""

    DOCUMENTATION = r"""
options:
  reload:
    description:
      - Whether to reload the engine's configuration where a reload is enough, and wait until the change is in force.
        The module sends SIGHUP to the engine's process.
      - With V(false), RV(pending) is V(reload) until someone reloads the engine.
    type: bool
    default: true
  keep_containers:
    description:
      - Whether to refuse a change that needs a restart which would stop running containers.
      - A restart is also refused when it would apply changes that someone else made, in the file or on the engine's
        command line, and that the engine does not use yet.
    type: bool
    default: true
  backup:
    description:
      - Whether to keep a copy of each file that changes, with a time stamp in its name.
      - A copy is also kept whenever RV(pending) is V(restart), so that the file can be put back if the restart fails.
    type: bool
    default: false
"""

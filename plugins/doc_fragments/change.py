# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the modules that change something."""

from __future__ import annotations


class ModuleDocFragment:
    """How a change comes into force, and what it must not do."""

    DOCUMENTATION = r"""
options:
  reload:
    description:
      - Whether to make the engine reload its configuration where that is enough, by SIGHUP to its process, and wait until the change is in force.
      - Without it, RV(pending) says V(reload) while it is not.
    type: bool
    default: true
  keep_containers:
    description:
      - Whether to refuse a change that only a restart can bring into force while that restart would stop running containers, or would bring along
        what someone else changed in the file or on the engine's command line and the engine has not taken up.
    type: bool
    default: true
  backup:
    description:
      - Whether to keep a copy of each file that changes, with a time stamp in its name.
      - A copy is also kept whenever RV(pending) is V(restart), so that the change can be taken back when that restart fails.
    type: bool
    default: false
  unsafe_writes:
    description:
      - Whether to write into a file where it cannot be replaced at once, such as a file that is mounted by itself into a container.
      - A crash may then leave half a file.
    type: bool
    default: false
"""

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes of all modules. This fragment is private to the collection. Do not use it in another one."""

from __future__ import annotations


class ModuleDocFragment:
    """What each attribute means, and its values where several modules have the same."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return the changed status prediction without modifying the target.
  diff_mode:
    description: Returns details on what has changed, or in check mode would change.
  idempotent:
    description:
      - A second run with the same arguments reports no change.
      - This holds if nothing else changes the host or the registries between the two runs.
  platform:
    description: Where the module can run.
    support: full
    platforms: linux
"""

    # For a module that changes files and the engine.
    CHANGE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - If only the engine can decide something when it reloads, RV(pending_reasons) says so.
  diff_mode:
    support: full
    details:
      - Passwords and tokens in the files are masked.
  idempotent:
    support: full
"""

    # For a module that only reads.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - The module changes nothing.
  diff_mode:
    support: N/A
    details:
      - The module changes nothing.
  idempotent:
    support: full
    details:
      - The module changes nothing.
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/pullthrough.docker.docker) in C(module_defaults) to set defaults for the modules about the engine.
    support: full
    membership:
      - pullthrough.docker.docker
"""

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of all modules that write files. This fragment is private to the collection. Do not use it in another one."""

from __future__ import annotations


class ModuleDocFragment:
    """How a file is written."""

    DOCUMENTATION = r"""
options:
  unsafe_writes:
    description:
      - Whether to write into a file that cannot be replaced atomically, such as a file that is bind-mounted into a
        container.
      - A crash can then leave an incomplete file.
    type: bool
    default: false
"""

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: role_message
short_description: Name the role's variables in the message of a module
version_added: 0.4.0
description:
  - A module of this collection names its own options in its messages. For a user of the role
    P(pullthrough.docker.docker_mirror#role), this filter replaces them by the variables of the role.
positional: _input
author:
  - The pullthrough.docker authors (@pullthrough)
options:
  _input:
    description: The message of a module.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Fail with the cause
  ansible.builtin.fail:
    msg: "{{ result.msg | pullthrough.docker.role_message }}"
"""

RETURN = r"""
_value:
  description: The message with the names of the variables.
  type: str
"""

import re

from typing import Any, Dict

OTHER_NAMES = {"mirrors": "urls", "settings": "daemon_settings"}
"""The options that have another name in the role, without its prefix."""

_OPTION = re.compile(
    r"(?<![\w.-])(mirrors|settings|exclusive|source|migrate|keep_containers|ca_certificates)"
    r'(?=: (?:true|false|\[\]|daemon_json\b)|, "| is (?:an empty list|systemd_drop_in|options_file)\b)'
)


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"role_message": role_message}


def role_message(message: str) -> str:
    """Return the message with the variables of the role in place of the options of a module."""
    return _OPTION.sub(lambda option: f"docker_mirror_{OTHER_NAMES.get(option[1], option[1])}", message)

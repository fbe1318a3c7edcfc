# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: csp_hash
short_description: Hash a script or a style for a Content-Security-Policy
version_added: 0.3.1
description:
  - Returns the hash with which a Content-Security-Policy allows this script or style in a page, and no other.
positional: _input
author:
  - The pullthrough.docker authors (@pullthrough)
options:
  _input:
    description: The whole text between the tags.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show a policy that allows one script
  ansible.builtin.debug:
    msg: "default-src 'none'; script-src {{ 'filter();' | pullthrough.docker.csp_hash }}"
"""

RETURN = r"""
_value:
  description: The hash in quotes, ready for the policy.
  type: str
"""

import base64
import hashlib

from typing import Any, Dict


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"csp_hash": csp_hash}


def csp_hash(text: str) -> str:
    """Return the SHA-256 hash of the text, ready for a policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

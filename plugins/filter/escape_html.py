# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: escape_html
short_description: Escape every text in a structure for an HTML page
version_added: 0.3.1
description:
  - Escapes every text in a structure, including the keys of dictionaries. A template can then print any part of it
    as HTML text, or as the value of an attribute in quotes.
  - Ansible ignores C({% autoescape true %}) in templates.
positional: _input
author:
  - The pullthrough.docker authors (@pullthrough)
options:
  _input:
    description: Dictionaries, lists and plain values.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show a host's error in a page
  ansible.builtin.copy:
    content: "<p>{{ (result | pullthrough.docker.escape_html).msg }}</p>"
    dest: error.html
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The same structure. Numbers, booleans and null are unchanged. Everything else is escaped text.
  type: raw
"""

import html

from typing import Any, Dict


class FilterModule:
    def filters(self) -> Dict[str, Any]:
        return {"escape_html": escape_html}


def escape_html(value: Any) -> Any:
    """Return the same structure with every text in it escaped."""
    if isinstance(value, dict):
        return {escape_html(key): escape_html(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [escape_html(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return html.escape(str(value), quote=True)

# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Values of settings as text for the user.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, masking


def shown(settings: Mapping[str, Any]) -> str:
    """Return settings as text for the user."""
    return masking.mask("; ".join(f"{key}: {shown_value(value)}" for key, value in settings.items())) or "none shown"


def shown_value(value: Any) -> str:
    """Return the value of a setting as text for the user."""
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return value.text if isinstance(value, json_reader.Number) else str(value)

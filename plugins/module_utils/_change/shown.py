# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Values of settings as text for the user.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import json

from typing import Any, Mapping, Sequence, Union

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader, masking


def shown(settings: Mapping[str, Any]) -> str:
    """Return settings as text for the user."""
    return masking.mask("; ".join(f"{key}: {shown_value(value)}" for key, value in settings.items())) or "none shown"


def shown_value(value: Any) -> str:
    """Return the value of a setting as text for the user."""
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return value.text if isinstance(value, json_reader.Number) else str(value)


def dotted(path: Sequence[Union[str, int]]) -> str:
    """Return the path of a setting as text for the user."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def member(key: Union[str, int], value: Any) -> str:
    """Return a value as JSON, with the key that it has in its object; a position in a list has none."""
    return spelled(value) if isinstance(key, int) else f"{spelled(key)}: {spelled(value)}"


def spelled(value: Any) -> str:
    """Return a value as JSON on one line."""
    if isinstance(value, json_reader.Number):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(member(key, inner) for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return json.dumps(value, ensure_ascii=False)

# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Whether the configuration of the docker command has a login for Docker Hub. The login itself is never kept.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader

HUB = "https://index.docker.io/v1/"
"""The name of Docker Hub in ``config.json``."""


def is_in(text: str) -> bool:
    """Return whether ``config.json`` names Docker Hub in ``auths`` or ``credHelpers``.

    With ``credsStore``, the command still writes the name to ``auths``, with an empty value.
    """
    try:
        root: Any = json_reader.parse(text).root.value
    except json_reader.JsonTextError:
        return False
    held = [root.get(key) for key in ("auths", "credHelpers")] if isinstance(root, dict) else []
    return any(isinstance(names, dict) and HUB in names for names in held)

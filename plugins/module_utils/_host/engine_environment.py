# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The environment and the proxies of the running engine.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import re

from typing import Dict

from ansible_collections.pullthrough.docker.plugins.module_utils._host import engines, files

_MASKED_USER = "xxxxx:xxxxx@"
"""What ``/info`` shows in place of a proxy's user and password."""


def environment(engine: engines.Engine) -> Dict[str, str]:
    """Return the environment of the running engine, empty where it cannot be read."""
    if engine.process is None:
        return {}
    lines = files.text_of(f"/proc/{engine.process.pid}/environ").split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def proxies(engine: engines.Engine) -> Dict[str, str]:
    """Return the proxies that the running engine uses: ``http``, ``https`` and the ``no`` list, where they are set.

    ``/info`` masks users and passwords (moby daemon/info.go). They are taken from the engine's environment or its
    daemon.json, if there.
    """
    if engine.info is None or engine.process is None:
        return {}
    found = dict(engine.info.proxies)
    values = [value for name, value in environment(engine).items() if name.lower() in ("http_proxy", "https_proxy")]
    in_file = engines.value_in(engine.config_path, "proxies")
    if isinstance(in_file, dict):
        values += [value for value in in_file.values() if isinstance(value, str)]
    for name in ("http", "https"):
        without_user = found.get(name, "").replace(_MASKED_USER, "")
        if without_user != found.get(name, ""):
            matching = (value for value in values if re.sub(r"//[^/]*@", "//", value) == without_user)
            found[name] = next(matching, without_user)
    return found

# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a run that was killed left beside a file.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os

from typing import Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files

TEMP_PREFIX = ".pullthrough-docker-"
"""How the names of temporary files begin. The next run removes those that a killed run left."""

STAGED_PREFIX = f"{TEMP_PREFIX}moving-"
"""How the names of staged texts begin: what a file must hold at the end of a change of several steps.

The steps are to take mirrors out of other files, or to let the engine read an empty list first. When the run is killed
between them, the next run finds the text there.
"""


def staged(path: str) -> Optional[bytes]:
    """Return what a killed run would have written to this file at the end, or None.

    A file that another user can have written or put there does not count.
    """
    return files.read_own(staged_path(path))


def has_leftovers(path: str) -> bool:
    """Return whether a killed run left a temporary file in the folder of this file."""
    try:
        return any(name.startswith(TEMP_PREFIX) for name in os.listdir(os.path.dirname(path)))
    except OSError:  # The folder does not exist, or this user cannot list it.
        return False


def staged_path(path: str) -> str:
    return os.path.join(os.path.dirname(path), STAGED_PREFIX + os.path.basename(path))

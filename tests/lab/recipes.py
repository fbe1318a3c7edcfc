# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipes: guides that write files, such as an inventory, and use them in their commands.

A file follows a line such as "Write ``group_vars/all.yml``:". A path from the root is a file of a host, and no recipe.
The unit tests read this file too, so it imports nothing of the lab.
"""

from __future__ import annotations

import pathlib
import re
import textwrap

from typing import Dict, List, NamedTuple, Optional

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

GUIDES = pathlib.Path(__file__).resolve().parents[2] / "docs/docsite/rst"
STEP = re.compile(r"^(?:Write ``([^/`][^`]*)``:\n\n)?[.][.] code-block:: (\w+)\n\n((?: {3}.*\n|\n)+)", re.MULTILINE)


class Step(NamedTuple):
    path: Optional[str]
    kind: str
    text: str

    def write(self, folder: pathlib.Path) -> None:
        path = folder / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text)


def steps(text: str) -> List[Step]:
    """Return the blocks of a guide in their order."""
    found = STEP.findall(text)
    return [Step(path or None, kind, textwrap.dedent(block).strip("\n") + "\n") for path, kind, block in found]


def recipes() -> Dict[str, List[Step]]:
    """Return the steps of each recipe by the name of its guide."""
    found = {path.stem: steps(path.read_text()) for path in sorted(GUIDES.glob("guide_*.rst"))}
    return {name: blocks for name, blocks in found.items() if any(step.path for step in blocks)}


def hosts_of(inventory: pathlib.Path) -> List[str]:
    return [host.name for host in InventoryManager(loader=DataLoader(), sources=[str(inventory)]).get_hosts()]

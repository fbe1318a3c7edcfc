# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The revisions of the collection that a bench compares: this checkout, and any other that git knows."""

from __future__ import annotations

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def collection_paths(others: list[str]) -> dict[str, pathlib.Path]:
    """Return ANSIBLE_COLLECTIONS_PATH for this checkout, and for each revision in others, by name."""
    paths = {"this checkout": ROOT / ".ansible/collections"}
    for revision in others:
        paths[revision] = ROOT / "build/bench" / revision
        folder = paths[revision] / "ansible_collections/pullthrough/docker"
        folder.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return paths

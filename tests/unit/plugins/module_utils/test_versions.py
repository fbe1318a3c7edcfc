# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions of Docker Engine, read from texts that show them, and the features that depend on them."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions

VERSIONS = {
    "20.10.24+dfsg1": (20, 10, 24),
    "Docker version 26.1.5+dfsg1, build a72d7cd": (26, 1, 5),
    "28.5.2": (28, 5, 2),
    "29.0.0-rc.1": (29, 0, 0),
    "library-import": None,
    "": None,
}


@pytest.mark.parametrize(("text", "version"), VERSIONS.items())
def test_versions(text, version):
    assert versions.parse(text) == version


SHARING = {
    # (image store, version): whether mirrors and Docker Hub share certs.d/docker.io
    ("containerd", (28, 0, 0)): True,
    ("containerd", (29, 7, 2)): True,
    ("containerd", (27, 99, 99)): False,
    ("containerd", None): False,
    ("graphdriver", (28, 5, 2)): False,
    (None, (28, 5, 2)): False,
}


@pytest.mark.parametrize(("engine", "shared"), SHARING.items())
def test_shared_folder_of_docker_hub(engine, shared):
    assert versions.shares_docker_io(*engine) is shared

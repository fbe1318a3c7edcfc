# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who served a pull, where the log is a file, a user's journal, or that of a containerd image store, which says it at level debug alone."""

from __future__ import annotations

import pytest

import conftest
import ways

from conftest import GCR

CLASSIC = [name for name in ways.DECLARED if name not in ways.CONTAINERD]


def canary(hosts, image):
    """What the module says of an image that the engines do not have."""
    ways.each(lambda host: ways.forget(host, image), hosts)
    return {name: result["images"][0] for name, result in conftest.modules(hosts, "registry_mirrors_canary", images=[image]).items()}


def test_the_classic_image_stores(lab):
    for name, found in canary(ways.hosts_of(lab, CLASSIC), "alpine").items():
        assert (found["pulled"], found["used"], found["by"]) == (True, "served", GCR), (name, found)


@pytest.mark.usefixtures("cut_off")
def test_the_containerd_image_store(lab, prove):
    hosts = ways.hosts_of(lab, ways.CONTAINERD)
    for name, found in canary(hosts, "alpine").items():
        assert (found["pulled"], found["used"]) == (True, "unknown"), (name, found)
    conftest.modules(hosts, "daemon_config", settings={"debug": True})
    for image, used, by in (("alpine", "served", GCR), ("missed", "fell_through", "registry-1.docker.io")):
        for name, found in canary(hosts, image).items():
            assert (found["used"], found["by"]) == (used, by) and found["evidence"], (name, found)
            prove(name, f"who served {image}, at level debug", {key: found[key] for key in ("used", "by", "reason", "evidence")})
    conftest.modules(hosts, "daemon_config", remove=["debug"])

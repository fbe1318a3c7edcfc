# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice of the modules in the words of a user of the role."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest
import yaml

from ansible_collections.pullthrough.docker.plugins.filter.role_message import role_message

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = set(yaml.safe_load((ROOT / "roles/docker_mirror/defaults/main.yml").read_text()))
MESSAGES = {
    "Set migrate: true to move them.": "Set docker_mirror_migrate: true to move them.",
    "Allow it with keep_containers: false.": "Allow it with docker_mirror_keep_containers: false.",
    "mirrors is an empty list. Set mirrors: [] with exclusive: true.": "docker_mirror_urls is an empty list. "
    "Set docker_mirror_urls: [] with docker_mirror_exclusive: true.",
    "Keep them in daemon.json (source: daemon_json).": "Keep them in daemon.json (docker_mirror_source: daemon_json).",
    'ca_certificates, "x": its value is not text': 'docker_mirror_ca_certificates, "x": its value is not text',
    "source is options_file, and it reads none": "docker_mirror_source is options_file, and it reads none",
    "live-restore: true": "live-restore: true",
    "registry-mirrors: []": "registry-mirrors: []",
    "docker_mirror_migrate: true": "docker_mirror_migrate: true",
    "3 mirrors is fewer": "3 mirrors is fewer",
    "the source: unknown": "the source: unknown",
}


@pytest.mark.parametrize(("message", "expected"), MESSAGES.items())
def test_a_message(message, expected):
    assert role_message(message) == expected


def advice():
    """Yield each text in the code of a change that tells the user to set an option."""
    for path in [*ROOT.glob("plugins/module_utils/_change/*.py"), *ROOT.glob("plugins/module_utils/_rules/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.search(r"(?<![\w.-])[a-z_]+: (true|false|\[\]|daemon_json)", text):
                yield text


def test_no_advice_keeps_the_option_of_a_module():
    found = set(advice())
    assert len(found) >= 5
    for text in found:
        for name in re.findall(r"(?<![\w.-])([a-z_]+): (?:true|false|\[\]|daemon_json)", role_message(text)):
            assert name in ROLE | {"become"}, text

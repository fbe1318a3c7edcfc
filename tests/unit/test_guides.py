# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guides agree with the code."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest
import yaml

from ansible_collections.pullthrough.docker.plugins.filter.audit_report import ENDS_SOON, KINDS, OLD

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDES = {path.stem: path.read_text() for path in (ROOT / "docs/docsite/rst").glob("guide_*.rst")}
QUOTED = [
    quote
    for line in GUIDES["guide_troubleshooting"].splitlines()
    if re.fullmatch(r"``.*``(, ``.*``)*", line)
    for quote in re.findall(r"``(.*?)``", line)
]


def texts():
    """Yield the texts of modules, module_utils and role, each on one line, with {} for the values."""
    for path in [*ROOT.glob("plugins/module*/**/*.py"), *ROOT.glob("roles/docker_mirror/tasks/*.yml")]:
        if path.suffix == ".yml":
            yield " ".join(path.read_text().split())
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


TEXTS = list(texts())


@pytest.mark.parametrize("quote", QUOTED)
def test_every_explained_message_exists(quote):
    pattern = ".*".join(map(re.escape, re.split(r"unreachable|starting|ambiguous", quote)))
    assert any(re.search(pattern, text) for text in TEXTS)


def test_there_are_many_messages():
    assert len(QUOTED) >= 30


def test_a_message_that_does_not_exist_is_noticed():
    assert not any("The whale is unwell" in text for text in TEXTS)


def test_the_guide_to_the_report_lists_the_states_in_order():
    rows = re.findall(r"^   [*] - (.*)$", GUIDES["guide_report"], re.MULTILINE)
    assert rows[1:] == [kind.title for kind in KINDS.values()]
    assert (
        f"within {ENDS_SOON} days" in GUIDES["guide_report"] and f"before {OLD[0]}.{OLD[1]}" in GUIDES["guide_report"]
    )


def test_the_site_has_every_guide_and_no_other():
    (section,) = yaml.safe_load((ROOT / "docs/docsite/extra-docs.yml").read_text())["sections"]
    assert sorted(section["toctree"]) == sorted(GUIDES)


def configuration_of_the_cache():
    (text,) = re.findall(
        r"^Write ``/etc/registry-cache/config.yml``:\n\n.*\n\n((?: {3}.*\n)+)", GUIDES["guide_own_cache"], re.MULTILINE
    )
    return yaml.safe_load(text)


def test_the_cache_of_the_guide_has_no_descriptor_cache_and_deletes_nothing():
    """With storage.cache and storage.delete, the registry serves empty layers after seven days."""
    assert set(configuration_of_the_cache()["storage"]) == {"filesystem"}


def test_the_cache_of_the_guide_has_the_configuration_of_the_lab():
    """Only the values of the log and the paths differ."""

    def shape(value):
        return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value)

    guide, lab = configuration_of_the_cache(), yaml.safe_load((ROOT / "tests/lab/images/cache.yml").read_text())
    assert shape(guide) == shape(lab)
    assert (guide["proxy"], guide["http"]["addr"]) == (lab["proxy"], lab["http"]["addr"])

# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the role agree with each other, with the modules, the playbooks and the README."""

from __future__ import annotations

import pathlib
import re
import subprocess
import textwrap

import pytest
import yaml

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.pullthrough.docker.tests.unit import documentation

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles/docker_mirror"
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
OPTIONS = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]


def test_every_default_has_a_type_and_every_option_has_its_default():
    assert {name: option["default"] for name, option in OPTIONS.items()} == DEFAULTS
    assert all(option["type"] and option["description"] for option in OPTIONS.values())


def test_the_role_has_the_defaults_of_the_module():
    options = documentation.read("module", "registry_mirrors")[0]["options"]
    for name, default in DEFAULTS.items():
        short = name.replace("docker_mirror_", "")
        if short in options:
            assert options[short].get("default") == default, name


def test_every_variable_is_used_and_declared():
    text = "".join(path.read_text() for path in ROLE.glob("*/*.yml") if path.parent.name in ("tasks", "handlers"))
    used = set(re.findall(r"(?<![\w])docker_mirror_\w+", text))
    assert used == set(DEFAULTS)


def test_the_playbooks_read_no_other_variables_of_the_role():
    """A variable that only a playbook reads has the name of the playbook."""
    text = "".join(path.read_text() for path in (ROOT / "playbooks").glob("*.yml"))
    assert set(re.findall(r"(?<!\w)docker_mirror_\w+", text)) <= set(DEFAULTS)


def test_the_playbooks_and_make_run_repeat_no_default():
    for path in [*(ROOT / "playbooks").glob("*.yml"), ROOT / "tools/run"]:
        assert DEFAULTS["docker_mirror_urls"][0] not in path.read_text(), path


def test_make_run_reads_the_mirror_from_the_defaults():
    (line,) = re.findall(r"^mirror=.*$", (ROOT / "tools/run").read_text(), re.MULTILINE)
    command = ["bash", "-euc", f'{line}; printf %s "$mirror"']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [done.stdout] == DEFAULTS["docker_mirror_urls"]


def test_the_readme_has_each_variable_with_its_default():
    rows = dict(re.findall(r"^\| `(docker_mirror_\w+)` \| `(.*?)` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert {name: yaml.safe_load(value) for name, value in rows.items()} == DEFAULTS


def readme_rows():
    """Return the type and default of each variable in the README of the role."""
    rows = re.findall(
        r"^\| `(docker_mirror_\w+)` \| ([\w ]+) \| `(.*?)` \|", (ROLE / "README.md").read_text(), re.MULTILINE
    )
    return {name: (kind, yaml.safe_load(default)) for name, kind, default in rows}


def test_the_readme_of_the_role_has_each_variable_with_its_type_and_default():
    def kind(option):
        return f"{option['type']} of {option['elements']}" if "elements" in option else option["type"]

    assert readme_rows() == {name: (kind(option), option["default"]) for name, option in OPTIONS.items()}
    assert list(readme_rows()) == list(OPTIONS)


def test_the_readme_of_the_role_names_every_choice():
    table = {
        line.split("`")[1]: line for line in (ROLE / "README.md").read_text().splitlines() if line.startswith("| `")
    }
    for name, option in OPTIONS.items():
        assert all(f"`{choice}`" in table[name] for choice in option.get("choices", ())), name


def test_the_readme_of_the_role_links_to_the_readme_of_the_collection():
    documentation = yaml.safe_load((ROOT / "galaxy.yml").read_text())["documentation"]
    assert f"({documentation})" in (ROLE / "README.md").read_text()


def examples(path):
    """Return the example of each variable in a table, which is the last cell of its row."""
    rows = re.findall(r"^\| `(docker_mirror_\w+)` \| .* \| `([^`]*)` \|$", path.read_text(), re.MULTILINE)
    return {name: yaml.safe_load(example) for name, example in rows}


@pytest.mark.parametrize("path", [ROOT / "README.md", ROLE / "README.md"], ids=["collection", "role"])
def test_each_variable_has_an_example_that_the_role_accepts(path):
    values = examples(path)
    assert list(values) == list(DEFAULTS)
    assert not ArgumentSpecValidator(OPTIONS).validate(values).error_messages
    assert not [name for name, value in values.items() if value == DEFAULTS[name]], "an example shows another value"


def test_the_play_in_the_guide_is_the_measured_play():
    play = (ROOT / "tests/bench/by_hand.yml").read_text()
    printed = textwrap.indent(play[play.index("- name: Use a registry mirror") :], "   ")
    assert printed in (ROOT / "docs/docsite/rst/guide_speed.rst").read_text()

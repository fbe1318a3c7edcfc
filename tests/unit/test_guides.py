# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The README and the guides agree with the code."""

from __future__ import annotations

import ast
import json
import pathlib
import re
import runpy
import shlex
import subprocess
import sys

import pytest
import yaml

from ansible_collections.pullthrough.docker.plugins.filter.audit_report import ENDS_SOON, KINDS, OLD
from ansible_collections.pullthrough.docker.plugins.filter.misspelt_variables import misspelt_variables

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {path: path.read_text() for path in ROOT.glob("*.md")}
PAGES.update({path: path.read_text() for path in [*ROOT.glob("docs/**/*.rst"), *ROOT.glob("roles/*/README.md")]})
GUIDES = {path.stem: path.read_text() for path in (ROOT / "docs/docsite/rst").glob("guide_*.rst")}
RECIPES = runpy.run_path(str(ROOT / "tests/lab/recipes.py"))["recipes"]()
"""The guides that write files, by the name of the guide. The lab runs them."""
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text())
QUOTED = [
    quote
    for line in GUIDES["guide_troubleshooting"].splitlines()
    if re.fullmatch(r"``.*``(, ``.*``)*", line)
    for quote in re.findall(r"``(.*?)``", line)
]


def texts():
    """Yield the texts of modules, module_utils and role, each on one line, with {} for the values."""
    for path in [*ROOT.glob("plugins/[fm]*/**/*.py"), *ROOT.glob("roles/docker_mirror/tasks/*.yml")]:
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
    sections = yaml.safe_load((ROOT / "docs/docsite/extra-docs.yml").read_text())["sections"]
    assert sorted(guide for section in sections for guide in section["toctree"]) == sorted(GUIDES)


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


def test_the_readme_is_short_and_opens_with_the_two_commands():
    lines = README.splitlines()
    assert len(lines) <= 150
    assert {"make run", "make test"} <= {line.partition("#")[0].strip() for line in lines[:25]}


def test_the_readme_links_to_every_guide_and_works_on_galaxy():
    """Galaxy shows the README under another address, so a relative link would lead nowhere."""
    assert set(re.findall(r"/blob/main/docs/docsite/rst/(guide_\w+)[.]rst\)", README)) == set(GUIDES)
    assert re.findall(r"\]\((?!https://)", README) == []


def test_the_readme_lists_all_content():
    files = [*ROOT.glob("plugins/modules/*.py"), *ROOT.glob("plugins/filter/*.py"), *ROOT.glob("playbooks/*.yml")]
    names = {path.stem for path in files} | {path.name for path in ROOT.glob("roles/*")}
    (table,) = re.findall(r"^## Content\n\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])} == names


def links(page, text):
    """Return the files of the repository to which a page links."""
    relative = re.findall(r"\]\((?!https?:)([^)#]+)[)#]", text) if page.suffix == ".md" else []
    absolute = re.findall(rf"{GALAXY['repository']}/blob/main/([\w./-]*\w)", text)
    return [page.parent / link for link in relative] + [ROOT / link for link in absolute]


def test_every_linked_file_exists():
    found = {path for page, text in PAGES.items() for path in links(page, text)}
    assert len(found) >= 30 and [path for path in found if not path.exists()] == []


def test_a_recipe_leaves_no_file_without_a_name():
    """A playbook without a name would not run in the lab."""
    unnamed = {step.kind for steps in RECIPES.values() for step in steps if not step.path}
    assert len(RECIPES) >= 5 and unnamed == {"sh", "text"}


@pytest.fixture
def folder(request, tmp_path):
    """A folder with the files of a recipe."""
    for step in RECIPES[request.param]:
        if step.path:
            step.write(tmp_path)
    return tmp_path


def program(name, folder, *words):
    """Run a program of Ansible in a folder, and return what it prints."""
    command = [pathlib.Path(sys.executable).with_name(name), "-i", "hosts", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


WITH_PLAYBOOKS = [
    guide for guide, steps in RECIPES.items() if any(re.fullmatch(r"\w+[.]yml", step.path or "") for step in steps)
]


@pytest.mark.parametrize("folder", WITH_PLAYBOOKS, indirect=True)
def test_ansible_can_read_the_playbooks_of_a_recipe(folder):
    playbooks = [path.name for path in folder.glob("*.yml")]
    shown = program("ansible-playbook", folder, "--syntax-check", *playbooks)
    assert all(name in shown for name in playbooks)


@pytest.mark.parametrize("guide", RECIPES)
def test_the_commands_of_a_recipe_use_files_that_it_wrote(guide):
    ours = {f"{GALAXY['namespace']}.{GALAXY['name']}.{path.stem}" for path in ROOT.glob("playbooks/*.yml")}
    written = set()
    for step in RECIPES[guide]:
        written |= {step.path} - {None}
        for line in step.text.splitlines() if step.kind == "sh" else []:
            name, *words = shlex.split(line)
            assert words[words.index("-i") + 1] == "hosts" and "hosts" in written, line
            assert name == "ansible" or words[2] in written | ours, line


@pytest.mark.parametrize("folder", ["guide_sites"], indirect=True)
def test_each_host_of_the_guide_to_sites_has_the_list_of_its_site(folder):
    hosts = json.loads(program("ansible-inventory", folder, "--list"))["_meta"]["hostvars"]
    google = "https://mirror.gcr.io"
    assert {host.split(".")[1]: values["docker_mirror_urls"] for host, values in hosts.items()} == {
        "berlin": ["https://cache.berlin.example.com", google],
        "paris": ["https://cache.paris.example.com", google],
        "lab": [google],
    }


def number(version):
    return tuple(map(int, version.split(".")))


def test_every_pinned_version_is_the_next_one():
    """A guide uses what its version has. Pins are lines such as "version: 1.2.3" or "pullthrough.docker:1.2.3"."""
    name = re.escape(f"{GALAXY['namespace']}.{GALAXY['name']}")
    pins = [
        (page.name, pin)
        for page, text in PAGES.items()
        for pin in re.findall(rf"(?:name: {name}\n *version: *|{name}:(?:==)?)[\"']?([\d.]+)", text)
    ]
    assert pins and {pin for _page, pin in pins} == {GALAXY["version"]}, pins


def test_the_version_is_that_of_the_fragments():
    """Fragments are changes after the last release. Before 1.0.0, a breaking change needs a new minor version."""
    released = max(map(number, yaml.safe_load((ROOT / "changelogs/changelog.yaml").read_text())["releases"]))
    kinds = {kind for path in ROOT.glob("changelogs/fragments/*.yml") for kind in yaml.safe_load(path.read_text())}
    assert number(GALAXY["version"]) >= released
    assert not kinds or number(GALAXY["version"]) > released
    assert "breaking_changes" not in kinds or number(GALAXY["version"])[:2] > released[:2]


def test_nothing_was_added_in_a_later_version():
    files = [path for pattern in ("plugins/**/*.py", "roles/*/meta/*.yml") for path in ROOT.glob(pattern)]
    added = {
        (path.name, version)
        for path in files
        for version in re.findall(r"(?:version_added: |Added in version )(\d+[.]\d+[.]\d+)", path.read_text())
    }
    assert added and [item for item in added if number(item[1]) > number(GALAXY["version"])] == []


def breaking_changes():
    """Return the breaking changes of this version: of fragments before its release, of the changelog after it."""
    releases = yaml.safe_load((ROOT / "changelogs/changelog.yaml").read_text())["releases"]
    found = [yaml.safe_load(path.read_text()) for path in ROOT.glob("changelogs/fragments/*.yml")]
    found.append(releases.get(GALAXY["version"], {}).get("changes", {}))
    return [change for changes in found for change in changes.get("breaking_changes", [])]


def test_the_guide_to_an_upgrade_has_every_breaking_change():
    assert len(breaking_changes()) >= 5
    for change in breaking_changes():
        for name in re.findall("``(.*?)``", change):
            assert f"``{name}``" in GUIDES["guide_upgrade"], change


def test_the_message_about_an_old_variable_has_the_new_name():
    rows = re.findall(r"[*] - ``(\w+)``\n +- ``(\w+)``", GUIDES["guide_upgrade"])
    assert len(rows) == 5
    for old, new in rows:
        assert misspelt_variables([old]) == [f"There is no variable {old}; did you mean {new}?"]

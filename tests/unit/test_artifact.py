# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The built artifact holds the collection, and no files that a fleet or a checkout leaves beside it."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Files of the repository that the collection does not need.
LEFT_OUT = {
    ".ci/run",
    ".github/workflows/nightly.yml",
    ".github/workflows/release.yml",
    ".github/workflows/test.yml",
    ".gitignore",
    "antsibull-nox.toml",
    "changelogs/fragments/.keep",
    "galaxy.yml",
    "noxfile.py",
}
# Files of a checkout that do not belong to the collection: reports, inventories, secrets, caches.
PLANTED = """
    .ansible/collections/x .ansible.log .ansible_vault_password .ansible-vault-pass .aws/credentials .cache/x
    .coverage .env .envrc .git/config .hypothesis/x .idea/x .mypy_cache/x .netrc .pytest_cache/x .ruff_cache/x
    .nox/x .ssh/id .tox/x .vagrant/x .vault_pass .venv/bin/x .vscode/x CLIENTS HOSTS SECRETS.txt ansible.cfg
    audit/report.html audit/report.json audit-2026/report.json build/x ca.crt cache.key cert.pem client.key
    chain.crt collections/x configure.left configure.log core credentials.yml daemon.json debug.log deploy.yml
    dist/x docker.env env/x environment.yml etc/x export.json facts/x fleet.yml group_vars/all.yml hosts hosts.yml
    host_vars/a.yml id_ed25519 id_rsa importer_result.json inventory/hosts inventory.ini left.txt mirror.key
    my-hosts node_modules/x password.txt passwords.yml play.retry production prod.yml
    pullthrough-docker-0.1.0.tar.gz report.html report.json root.key secret.yml secrets.yml site.yml site.retry
    staging tls.crt tls.key tmp/x token tower.yml vars.yml vault.yml venv/bin/x x docs/report.json playbooks/.env
    playbooks/audit/report.html playbooks/audit/report.json playbooks/configure.left playbooks/group_vars/all.yml
    playbooks/host_vars/a.yml playbooks/hosts playbooks/inventory/hosts playbooks/report.html
    roles/docker_mirror/tasks/main.yml~ roles/docker_mirror/tasks/main.yml.orig
    roles/docker_mirror/tasks/.main.yml.swp roles/docker_mirror/files/mirror.key roles/docker_mirror/files/tls.pem
    plugins/modules/__pycache__/x.pyc tests/output/x
""".split()


def repository():
    """Return the names of the files of the repository that exist."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    """Return the names of the files in an artifact, built from a checkout that also holds the planted files."""
    checkout, output = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("output")
    for name in repository():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    for name in PLANTED:
        assert not (checkout / name).exists(), name
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("token: hush\n")
    galaxy = pathlib.Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", "--output-path", output, checkout], check=True, capture_output=True)
    (path,) = output.iterdir()
    with tarfile.open(path) as archive:
        return {member.name for member in archive.getmembers() if member.isfile()}


def test_the_artifact_has_no_file_of_a_fleet_or_a_checkout(artifact):
    assert artifact & set(PLANTED) == set()


def test_the_artifact_is_the_collection(artifact):
    assert artifact == repository() - LEFT_OUT | {"MANIFEST.json", "FILES.json"}


def test_each_plugin_names_its_licence():
    """The community package allows another licence than the GPL only for module_utils."""
    wrong = []
    for path in (ROOT / "plugins").rglob("*.py"):
        licence = "BSD-2-Clause" if "module_utils" in path.parts else "GPL-3.0-or-later"
        # REUSE-IgnoreStart
        if path.stat().st_size and f"# SPDX-License-Identifier: {licence}\n" not in path.read_text():
            wrong.append(path)
        # REUSE-IgnoreEnd
    assert wrong == []


def test_the_changelog_has_no_markup_of_ansible():
    """reStructuredText shows such markup as it is. Release notes of the fragments become part of the changelog."""
    texts = [ROOT / "CHANGELOG.rst", *(ROOT / "changelogs").rglob("*.y*ml")]
    assert {path.name: re.findall(r"\b(?:[CVBIMOPLUE]|RV)\([^)]*\)", path.read_text()) for path in texts} == {
        path.name: [] for path in texts
    }


def test_each_exception_from_the_sanity_tests_has_a_reason():
    lines = [line for path in ROOT.glob("tests/sanity/ignore-*.txt") for line in path.read_text().splitlines()]
    assert lines and [line for line in lines if not re.search(r" # \w+( \S+){3,}$", line)] == []


def test_the_readme_has_what_galaxy_and_the_community_package_ask_for():
    headings = re.findall(r"^## (.+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {"Requirements", "Install", "Content", "More examples", "Communication"} <= set(headings)
    assert "community/code_of_conduct" in (ROOT / "README.md").read_text()

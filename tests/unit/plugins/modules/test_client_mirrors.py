# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules client_mirrors and client_mirrors_info, on real files in a folder of their own."""

from __future__ import annotations

import errno
import os
import pathlib

import pytest
import tomllib

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files, transaction
from ansible_collections.pullthrough.docker.tests.unit.model import run_module
from ansible_collections.pullthrough.docker.tests.unit.plugins.module_utils.deadline import ends_within
from ansible_collections.pullthrough.docker.tests.unit.plugins.modules.clients_host import Machine

OWN, GCR = "https://cache.example:5000", "https://mirror.gcr.io"
MARKER = "# Written by the Ansible collection pullthrough.docker"
SAME = (
    '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "cache.example:5000"\n'
)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    made.stand_in(monkeypatch)
    return made


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def entry(registry, *locations, **keys):
    lines = [f"{key} = {str(value).lower()}" for key, value in keys.items()]
    mirrors = [f'[[registry.mirror]]\nlocation = "{location}"' for location in locations]
    return "\n".join(["[[registry]]", f'prefix = "{registry}"', f'location = "{registry}"', *lines, *mirrors, ""])


def everything(machine):
    root = machine.vendor.parent.parent
    return {str(path): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


def mirrors_in(path, registry="docker.io"):
    """Return what a file says of a registry, by Python's own reader."""
    entries = [found for found in tomllib.loads(path.read_text())["registry"] if found["prefix"] == registry]
    return entries[0].get("mirror") if entries else None


def row_of(result):
    (row,) = result["clients"]
    return row


def test_mirrors_of_docker_hub(machine):
    options = {"mirrors": [OWN, "http://plain.lan:5000/"]}
    before = everything(machine)
    predicted = run_module("client_mirrors", check=True, **options)
    assert everything(machine) == before
    result = run_module("client_mirrors", **options)
    assert mirrors_in(machine.own) == [
        {"location": "cache.example:5000"},
        {"location": "plain.lan:5000", "insecure": True},
    ]
    urls = [f"{OWN}/", "http://plain.lan:5000/"]
    wanted = {"mirrors": urls, "previous_mirrors": []}
    assert row_of(result)["registries"] == {"docker.io": {**wanted, "in_force": urls}}
    assert row_of(predicted)["registries"] == {"docker.io": {**wanted, "in_force": []}}
    assert predicted["changed"] and result["changed"] and predicted["diff"] == result["diff"]
    assert result["diff"][0]["after"] == machine.own.read_text() and result["diff"][0]["after_header"] == str(
        machine.own
    )
    assert row_of(result)["files"] == [{"path": str(machine.own), "ours": True}]
    again = run_module("client_mirrors", **options)
    assert not again["changed"] and again["diff"] == []
    assert row_of(again)["registries"]["docker.io"] == {"mirrors": urls, "previous_mirrors": urls, "in_force": urls}


def test_registries_are_added_changed_and_removed(machine):
    run_module("client_mirrors", mirrors=OWN)
    run_module("client_mirrors", registries={"ghcr.io": [f"{OWN}/ghcr"]})
    run_module("client_mirrors", mirrors=GCR)
    assert mirrors_in(machine.own) == [{"location": "mirror.gcr.io"}]
    assert mirrors_in(machine.own, "ghcr.io") == [{"location": "cache.example:5000/ghcr"}]
    result = run_module("client_mirrors", mirrors=OWN, state="absent")
    assert row_of(result)["registries"] == {
        "docker.io": {"mirrors": [], "previous_mirrors": [f"{GCR}/"], "in_force": []}
    }
    assert mirrors_in(machine.own) is None and mirrors_in(machine.own, "ghcr.io")


@pytest.mark.parametrize("exists", ["", "etc/containers", "etc/containers/registries.conf.d"])
def test_absent_gives_back_every_folder(machine, tmp_path, exists):
    (tmp_path / exists).mkdir(parents=True, exist_ok=True)
    before = everything(machine)
    run_module("client_mirrors", mirrors=OWN)
    run_module("client_mirrors", registries={"ghcr.io": [OWN]})
    assert everything(machine) != before
    run_module("client_mirrors", mirrors=OWN, registries={"ghcr.io": []}, state="absent")
    assert everything(machine) == before
    assert not run_module("client_mirrors", mirrors=OWN, state="absent")["changed"]


def test_a_folder_with_a_file_of_someone_else_stays(machine):
    run_module("client_mirrors", mirrors=OWN)
    other = write(machine.own.with_name("other.conf"), entry("ghcr.io", "x.example"))
    run_module("client_mirrors", mirrors=OWN, state="absent")
    assert os.listdir(other.parent) == ["other.conf"]


def test_a_user_has_files_of_their_own(machine):
    run_module("client_mirrors", mirrors=GCR, registries={"ghcr.io": [OWN]})
    roots = machine.own.read_text()
    machine.user = 1000
    result = run_module("client_mirrors", mirrors=OWN)
    assert machine.own.is_file() and mirrors_in(machine.own) == [{"location": "cache.example:5000"}]
    assert row_of(result)["registries"]["docker.io"]["previous_mirrors"] == [f"{GCR}/"]
    assert row_of(result)["registries"]["docker.io"]["in_force"] == [f"{OWN}/"]
    machine.user = 0
    assert machine.own.read_text() == roots


# -- which clients ---------------------------------------------------------------------------------------------------


def test_a_home_that_is_no_absolute_path_ends_the_search_for_its_folders(machine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    machine.user, machine.home = 1000, pathlib.Path("home")
    with ends_within(5):
        failed = run_module("client_mirrors", mirrors=OWN)
    assert "home/registries.conf.d/zz-pullthrough-docker.user.conf: not an absolute path" in failed["msg"]


def test_a_host_without_clients(machine):
    machine.programs = set()
    result = run_module("client_mirrors", mirrors=OWN)
    assert (result["changed"], result["clients"]) == (False, []) and "podman" in result["warnings"][0]
    assert not machine.own.exists()
    named = run_module("client_mirrors", mirrors=OWN, clients="podman")
    assert named["changed"] and not row_of(named)["found"]


def test_cri_o_needs_a_reload_after_a_change(machine):
    machine.programs = {"crio"}
    assert row_of(run_module("client_mirrors", check=True, mirrors=OWN))["pending"] == "reload"
    changed = row_of(run_module("client_mirrors", mirrors=OWN))
    assert changed["pending"] == "reload" and "systemctl reload crio" in changed["pending_reasons"][0]
    again = row_of(run_module("client_mirrors", mirrors=OWN))
    assert (again["pending"], again["pending_reasons"]) == ("none", [])


# -- files of others -------------------------------------------------------------------------------------------------

NAMING = {
    # name: (file, text, line)
    "the main file": ("etc/containers/registries.conf", f"# mine\n{entry('docker.io', 'other.example')}", 2),
    "a drop-in before ours": ("etc/containers/registries.conf.d/10-x.conf", entry("docker.io", "other.example"), 1),
    "a registry without mirrors": ("etc/containers/registries.conf.d/10-x.conf", entry("docker.io"), 1),
    "a wildcard": ("etc/containers/registries.conf", '[[registry]]\nprefix = "*.io"\n', 1),
    "a file that only Podman 6 reads": ("usr/share/registries.conf.d/10-x.conf", entry("docker.io"), 1),
    "a file for root that only Podman 6 reads": (
        "etc/containers/registries.rootful.conf.d/x.conf",
        entry("docker.io"),
        1,
    ),
    "a file of version 1": (
        "etc/containers/registries.conf",
        '[registries.insecure]\nregistries = ["docker.io/"]\n',
        2,
    ),
    "another mirror too": ("etc/containers/registries.conf", entry("docker.io", "cache.example:5000", "b.example"), 1),
    "the same location, insecure": ("etc/containers/registries.conf", SAME + "insecure = true\n", 1),
    "only for digests": (
        "etc/containers/registries.conf",
        entry("docker.io", "cache.example:5000", **{"mirror-by-digest-only": True}),
        1,
    ),
}


@pytest.mark.parametrize(("name", "text", "line"), NAMING.values(), ids=NAMING)
def test_another_file_that_names_the_registry(machine, tmp_path, name, text, line):
    path = write(tmp_path / name, text)
    before = everything(machine)
    for check in (True, False):
        failed = run_module("client_mirrors", check=check, mirrors=OWN)
        assert f"{path}, line {line}" in failed["msg"] and "Nothing was changed." in failed["msg"]
        assert '[[registry.mirror]] location = "cache.example:5000"' in failed["msg"]
    assert everything(machine) == before
    result = run_module("client_mirrors", mirrors=OWN, exclusive=True)
    assert row_of(result)["registries"]["docker.io"]["in_force"] == [f"{OWN}/"]
    assert path.read_text() == text
    assert not run_module("client_mirrors", mirrors=OWN, exclusive=True)["changed"]
    run_module("client_mirrors", mirrors=OWN, state="absent")
    assert everything(machine) == before


@pytest.mark.parametrize("name", ["registries.conf", "registries.conf.d/10-x.conf", "registries.conf.d/zzz.conf"])
def test_another_file_that_says_the_same(machine, name):
    write(machine.system / name, SAME)
    result = run_module("client_mirrors", mirrors=OWN)
    assert not result["changed"] and not machine.own.exists()
    assert row_of(result)["registries"]["docker.io"]["in_force"] == [f"{OWN}/"]
    left = run_module("client_mirrors", mirrors=OWN, state="absent")
    assert not left["changed"] and "docker.io still has mirrors here" in left["warnings"][0]


LATER = {
    "a drop-in after ours": ("etc/containers/registries.conf.d/zzz.conf", entry("docker.io", "b.example"), "read"),
    "a drop-in of root's home": ("home/registries.conf.d/a.conf", entry("docker.io", "b.example"), "Podman 5"),
    "a file of the same name": ("home/registries.conf.d/zz-pullthrough-docker.conf", entry("ghcr.io"), "Podman 6"),
    "a main file of root's home": ("home/registries.conf", "", "hides"),
}


@pytest.mark.parametrize(("name", "text", "message"), LATER.values(), ids=LATER)
def test_a_file_that_would_keep_ours_out_of_force(machine, tmp_path, name, text, message):
    path = write(tmp_path / name, text)
    before = everything(machine)
    failed = run_module("client_mirrors", mirrors=OWN, exclusive=True)
    assert str(path) in failed["msg"] or str(machine.own) in failed["msg"]
    assert message in failed["msg"] and "Nothing was changed." in failed["msg"]
    assert everything(machine) == before


def test_a_registry_that_is_blocked_stays_blocked(machine):
    path = write(machine.system / "registries.conf", entry("docker.io", blocked=True))
    failed = run_module("client_mirrors", mirrors=OWN, exclusive=True)
    assert f"{path}, line 1: this entry blocks docker.io" in failed["msg"] and not machine.own.exists()


def test_a_part_of_a_registry_keeps_its_own_entry(machine):
    path = write(machine.system / "registries.conf.d/a.conf", "\n" + entry("docker.io/library", "b.example"))
    result = run_module("client_mirrors", mirrors=OWN)
    assert result["changed"] and f"{path}, line 2" in result["warnings"][0]


BROKEN = {
    "no TOML": ("a.conf", "[[registry]\n", "line 1, column 11"),
    "a scheme": ("a.conf", entry("ghcr.io", "https://x"), "line 5, column 12"),
    "version 1": ("a.conf", '[registries.search]\nregistries = ["x.example"]\n', "line 1, column 2"),
    "a wrong type": ("a.conf", '[[registry]]\nlocation = "x"\ninsecure = "yes"\n', "line 3, column 12"),
    "not UTF-8": ("a.conf", "\udcff", "line 1"),
}


@pytest.mark.parametrize(("name", "text", "place"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_file_that_the_clients_cannot_read(machine, name, text, place, state):
    path = write(machine.system / "registries.conf.d" / name, "")
    path.write_bytes(text.encode(errors="surrogateescape"))
    before = everything(machine)
    failed = run_module("client_mirrors", mirrors=OWN, state=state, exclusive=True)
    assert f"{path}, {place}" in failed["msg"] and "Nothing was changed." in failed["msg"]
    assert everything(machine) == before
    info = run_module("client_mirrors_info")
    assert info["drift"] is None and info["sources"][0]["path"] == str(path) and place in info["sources"][0]["reason"]


def test_a_symlink_to_nothing(machine):
    """Podman 4.3 fails for such a drop-in, and not for such a main file. Podman 5.4 ignores both (seen on both)."""
    machine.own.parent.mkdir(parents=True)
    (machine.system / "registries.conf").symlink_to("none")
    assert "msg" not in run_module("client_mirrors", mirrors=OWN)
    link = machine.own.with_name("a.conf")
    link.symlink_to("none")
    assert f"{link}: this symlink" in run_module("client_mirrors", mirrors=OWN)["msg"]


def test_files_that_the_clients_ignore(machine):
    folder = machine.system / "registries.conf.d"
    write(folder / "README", "[")
    write(folder / "sub/a.conf", "[")
    write(folder / "sub.conf/a.conf", "[")
    assert run_module("client_mirrors", mirrors=OWN)["changed"]


def test_our_file_with_a_change_of_someone_else(machine):
    run_module("client_mirrors", mirrors=OWN)
    text = machine.own.read_text() + "# note\n"
    machine.own.write_text(text)
    for state in ("present", "absent"):
        assert (
            f"{machine.own}: someone changed this file" in run_module("client_mirrors", mirrors=OWN, state=state)["msg"]
        )
    machine.own.write_text(entry("ghcr.io"))
    assert f"{machine.own}: another program wrote this file" in run_module("client_mirrors", mirrors=OWN)["msg"]


# -- options ---------------------------------------------------------------------------------------------------------

REFUSED = {
    "nothing": ({}, "Neither mirrors nor registries"),
    "no mirrors": ({"registries": {"ghcr.io": []}}, "ghcr.io has no mirrors"),
    "Docker Hub as a registry": ({"registries": {"docker.io": [OWN]}}, "which is Docker Hub"),
    "a registry with a path": ({"registries": {"ghcr.io/x": [OWN]}}, "is not a registry"),
    "a registry that is a name": ({"registries": {"ghcr": [OWN]}}, "is not a registry"),
    "no list": ({"registries": {"ghcr.io": OWN}}, "must have a list"),
    "a password": ({"mirrors": "https://me:hush@x.example"}, "user or password"),
    "no scheme": ({"mirrors": "x.example"}, "no scheme"),
    "a host without a dot": ({"mirrors": "https://cache"}, "write https://cache:443"),
    "plain HTTP without a dot": ({"mirrors": "http://cache/x"}, "write http://cache:80"),
    "an underscore": ({"mirrors": "https://a_b.example"}, "give it another name"),
    "a path that is no name": ({"mirrors": "https://x.example/A"}, "the path of this mirror"),
    "a client that is not there": ({"mirrors": OWN, "clients": "buildx"}, "must be one or more of"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_options(machine, options, message):
    failed = run_module("client_mirrors", **options)
    assert message in failed["msg"] and "hush" not in failed["msg"] and not machine.own.parent.exists()


def test_cautions(machine):
    warnings = run_module("client_mirrors", mirrors=[GCR, "http://plain.lan"])["warnings"]
    assert ["does not have all layers" in warnings[0], "is plain HTTP" in warnings[1]] == [True, True]


def test_a_backup_is_kept(machine):
    run_module("client_mirrors", mirrors=GCR)
    before = machine.own.read_bytes()
    (backup,) = run_module("client_mirrors", mirrors=OWN, backup=True)["backups"]
    assert backup["path"] == str(machine.own)
    with open(backup["backup_file"], "rb") as file:
        assert file.read() == before


# -- certificates ----------------------------------------------------------------------------------------------------

CA = pathlib.Path(__file__).with_name("ca.crt")
HOST = "cache.example:5000"
WITH_CA = {"mirrors": OWN, "ca_files": {HOST: str(CA)}}


def test_a_certificate_is_copied_and_goes_with_the_last_mirror_of_its_host(machine):
    before = everything(machine)
    assert run_module("client_mirrors", **WITH_CA)["changed"]
    copy = machine.system / "certs.d" / HOST / "pullthrough-docker.crt"
    assert copy.read_bytes() == CA.read_bytes()
    assert not run_module("client_mirrors", **WITH_CA)["changed"]
    assert not run_module("client_mirrors", mirrors=OWN)["changed"]
    run_module("client_mirrors", registries={"ghcr.io": [f"{OWN}/x"]})
    run_module("client_mirrors", mirrors=GCR)
    assert copy.exists()
    run_module("client_mirrors", registries={"ghcr.io": [GCR]})
    assert not copy.parent.exists()
    run_module("client_mirrors", **WITH_CA)
    run_module("client_mirrors", mirrors=OWN, registries={"ghcr.io": []}, state="absent")
    assert everything(machine) == before


def test_a_certificate_that_the_clients_read_already_is_not_copied(machine):
    write(machine.engine / "certs.d" / HOST / "x.crt", CA.read_text())
    run_module("client_mirrors", **WITH_CA)
    assert not (machine.system / "certs.d").exists()


def test_the_certificate_of_an_engine_that_shares_one_folder_is_found(machine):
    shared = write(machine.engine / f"certs.d/docker.io/pullthrough-docker-{HOST}.crt", CA.read_text())
    before = everything(machine)
    run_module("client_mirrors", mirrors=OWN)
    assert (machine.system / "certs.d" / HOST / "pullthrough-docker.crt").read_text() == shared.read_text()
    assert not run_module("client_mirrors", mirrors=OWN)["changed"]
    run_module("client_mirrors", mirrors=OWN, state="absent")
    assert everything(machine) == before


@pytest.mark.parametrize("folder", ["engine", "home"])
def test_a_certificate_that_would_hide_others_or_be_hidden_is_refused(machine, folder):
    other = write(getattr(machine, folder) / "certs.d" / HOST / "client.cert", "x").parent
    before = everything(machine)
    failed = run_module("client_mirrors", **WITH_CA)
    assert f"only in {other}" in failed["msg"] and "Nothing was changed." in failed["msg"]
    assert everything(machine) == before


def test_certificates_that_cannot_be_used(machine, tmp_path):
    text = write(tmp_path / "der.crt", "no PEM")
    key = write(tmp_path / "key.pem", f"{CA.read_text()}-----BEGIN PRIVATE KEY-----\nhush\n")
    everyones = write(tmp_path / "everyones/ca.crt", CA.read_text())
    everyones.parent.chmod(0o777)
    for ca_files, message in (
        ({HOST: str(tmp_path / "none.crt")}, "none.crt: the CA certificate of cache.example:5000 does not exist"),
        ({HOST: str(text)}, "is not in PEM"),
        ({HOST: str(key)}, "also has a private key"),
        ({HOST: str(everyones)}, "another user can write the folder"),
        ({HOST: str(tmp_path)}, "not a regular file"),
        ({"cache.example": str(CA)}, "ca_files names cache.example, which is the host of none"),
    ):
        failed = run_module("client_mirrors", mirrors=OWN, ca_files=ca_files)
        assert message in failed["msg"] and "hush" not in str(failed) and not machine.own.exists()


def test_a_certificate_in_a_folder_of_others_is_not_removed(machine):
    run_module("client_mirrors", **WITH_CA)
    copy = machine.system / "certs.d" / HOST / "pullthrough-docker.crt"
    copy.parent.chmod(0o777)
    before = everything(machine)
    failed = run_module("client_mirrors", **WITH_CA, state="absent")
    assert "another user can write the folder" in failed["msg"] and "Nothing was changed." in failed["msg"]
    assert everything(machine) == before


# -- failures --------------------------------------------------------------------------------------------------------


def test_a_write_that_fails_changes_nothing(machine, monkeypatch):
    before = everything(machine)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transaction.tempfile, "mkstemp", full)
    failed = run_module("client_mirrors", mirrors=OWN)
    assert "No space left" in failed["msg"] and "Nothing was changed." in failed["msg"] and failed["changed"] is False
    assert everything(machine) == before


def test_a_file_that_another_program_writes_meanwhile_stays(machine, monkeypatch):
    run_module("client_mirrors", mirrors=GCR)
    changes = iter(["# a\n", "# b\n"])
    read = files.read

    def read_and_change(path):
        data = read(path)
        if path == str(machine.own) and read_and_change.is_locked:
            machine.own.write_text(next(changes, "# b\n"))
        return data

    read_and_change.is_locked = False
    held = transaction.lock

    def lock(*args):
        read_and_change.is_locked = True
        return held(*args)

    monkeypatch.setattr(transaction, "lock", lock)
    monkeypatch.setattr(files, "read", read_and_change)
    failed = run_module("client_mirrors", mirrors=OWN)
    assert str(machine.own) in failed["msg"] and machine.own.read_text() == "# b\n"


# -- what the info module tells --------------------------------------------------------------------------------------


def test_info(machine):
    info = run_module("client_mirrors_info")
    hub = {"docker.io": {"mirrors": None, "in_force": []}}
    assert row_of(info) == {"client": "podman", "found": True, "version": None, "files": [], "registries": hub}
    assert (info["changed"], info["drift"], info["sources"], info["conflicts"]) == (False, False, [], [])
    run_module("client_mirrors", mirrors=OWN)
    other = write(machine.system / "registries.conf", entry("ghcr.io", "x.example", **{"mirror-by-digest-only": True}))
    info = run_module("client_mirrors_info")
    assert row_of(info)["registries"] == {
        "docker.io": {"mirrors": [f"{OWN}/"], "in_force": [f"{OWN}/"]},
        "ghcr.io": {"mirrors": None, "in_force": []},
    }
    sources = {source["registry"]: source for source in info["sources"]}
    assert sources["docker.io"] == {
        "client": "podman",
        "path": str(machine.own),
        "line": machine.own.read_text().splitlines().index("[[registry]]") + 1,
        "registry": "docker.io",
        "mirrors": [f"{OWN}/"],
        "reason": None,
    }
    assert sources["ghcr.io"]["path"] == str(other) and "only for digests" in sources["ghcr.io"]["reason"]


def test_info_shows_drift_and_conflicts(machine):
    run_module("client_mirrors", mirrors=OWN)
    later = write(machine.system / "registries.conf.d/zzz.conf", entry("docker.io", "me:hush@x.example"))
    info = run_module("client_mirrors_info")
    assert info["drift"] is True and all(f"{later}, line 1" in reason for reason in info["drift_reasons"])
    (conflict,) = info["conflicts"]
    assert conflict["registry"] == "docker.io" and f"{later}, line 1" in conflict["places"]
    assert "hush" not in str(info)
    later.write_text('[[registry]]\nlocation = "me:hush@x.example"\n')
    assert "***@x.example" in str(run_module("client_mirrors_info")["sources"])
    later.unlink()
    write(machine.home / "registries.conf", "")
    (reason,) = run_module("client_mirrors_info")["drift_reasons"]
    assert reason.startswith("Podman 5 and earlier")


@pytest.mark.parametrize("text", ["", "[", entry("docker.io", "x.example")], ids=["empty", "no TOML", "mirrors"])
def test_names_of_files_are_printable(machine, text):
    folder = machine.system / "registries.conf.d"
    for name in (b"\x1b[2J\n.conf", b"zzz\xff\x1b.conf"):
        write(folder / os.fsdecode(name), text)
    info = run_module("client_mirrors_info")
    shown = [row["path"] for row in (*row_of(info)["files"], *info["sources"])]
    shown += [*info["drift_reasons"], *(place for conflict in info["conflicts"] for place in conflict["places"])]
    assert len(shown) >= 2 and all(text.isprintable() for text in shown), shown
    changed = run_module("client_mirrors", mirrors=OWN, exclusive=True)
    shown = [changed["msg"]] if "msg" in changed else [row["path"] for row in row_of(changed)["files"]]
    assert shown and all(text.isprintable() for text in shown), shown


def test_a_file_of_many_registries_is_read_in_time(machine):
    names = [f"a{number}.example" for number in range(8000)]
    write(machine.system / "registries.conf", "".join(f'[[registry]]\nlocation = "{name}"\n' for name in names))
    with ends_within(60):
        info = run_module("client_mirrors_info")
    assert {*row_of(info)["registries"]} == {*names, "docker.io"}

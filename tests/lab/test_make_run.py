# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make run for a newcomer: on a fresh Debian 12 without engine and init, and for hosts of an inventory."""

from __future__ import annotations

import subprocess
import uuid

import pytest

from conftest import INVENTORY, PREFIX, ROOT, Host, wait_until

STORE = "/etc/ssl/certs/ca-certificates.crt"


class Fresh:
    """A fresh machine with make, Python, sudo and the unpacked project."""

    def __init__(self):
        self.name = f"{PREFIX}fresh-{uuid.uuid4().hex[:8]}"
        options = ["--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--cgroupns=private", "--device-cgroup-rule=a *:* rwm"]
        options += [f"--security-opt={name}=unconfined" for name in ("seccomp", "apparmor", "systempaths")]
        # The fresh machine trusts the same CAs as this one, as there may be a proxy before the package registries.
        options += ["--volume=/var/lib/docker", f"--volume={STORE}:{STORE}:ro", f"--env=PIP_CERT={STORE}"]
        command = [
            "docker",
            "run",
            "--detach",
            "--name",
            self.name,
            *options,
            "pullthrough-lab/base:bookworm",
            "sleep",
            "100000",
        ]
        subprocess.run(command, check=True, capture_output=True)
        folder = subprocess.run(
            [ROOT / "tools/stage", "make-run"], check=True, capture_output=True, text=True
        ).stdout.strip()
        archive = subprocess.run(["tar", "-C", folder, "-c", "."], check=True, capture_output=True).stdout
        assert self("mkdir /src && tar -x -C /src", data=archive)[0] == 0
        install = (
            "apt-get update -qq && DEBIAN_FRONTEND=noninteractive "
            "apt-get install -qq -y --no-install-recommends make python3 sudo"
        )
        assert self(install)[0] == 0

    def __call__(self, command, data=None, user="root"):
        """Run a shell command in the folder of the project, and return exit code and output."""
        flags = ["-i"] if data is not None else []
        folder = ["--workdir", "/src"] if data is None else []
        words = ["docker", "exec", *flags, *folder, "--user", user, self.name, "sh", "-c", command]
        done = subprocess.run(words, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode()

    def add_user(self):
        """Add a user who has their own checkout."""
        assert (
            self("useradd -m op && cp -r /src /home/op/src && rm -rf /home/op/src/.venv && chown -R op /home/op")[0]
            == 0
        )


@pytest.fixture
def fresh():
    machine = Fresh()
    yield machine
    subprocess.run(["docker", "rm", "--force", "--volumes", machine.name], check=True, capture_output=True)


def test_on_a_fresh_machine_twice_and_back(fresh):
    code, out = fresh("make run")
    assert code == 0, out
    for words in (
        "Installing the distribution's",
        "apt-get remove docker.io",
        "No init system runs here",
        "kill $(cat /var/run/docker.pid)",
        "make undo",
    ):
        assert words in out
    assert "localhost: in force https://mirror.gcr.io/ (was: none); reloaded, nothing restarted; engine " in out, out
    assert "PLAY RECAP" in fresh("cat build/run.log")[1]
    assert out.rstrip().splitlines()[-3:-1] == [" Registry Mirrors:", "  https://mirror.gcr.io/"], out
    info = fresh("docker system info")[1]
    assert "Registry Mirrors:\n  https://mirror.gcr.io/" in info
    pid = fresh("cat /var/run/docker.pid")

    # A user with sudo runs it again in their own checkout.
    fresh.add_user()
    assert fresh("echo 'op ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/op")[0] == 0
    code, out = fresh("cd ~op/src && make run", user="op")
    assert (
        code == 0
        and "changed 0, healed 0, unchanged 1," in out
        and len(out.splitlines()) <= 15
        and "Installing the distribution's" not in out
    ), out
    assert fresh("find /home/op/src ! -user op")[1] == "", "root owns nothing in the user's checkout"
    assert fresh("cat /var/run/docker.pid") == pid

    # A file that cannot be edited is refused with its line, and the run leaves no file.
    file = fresh("cat /etc/docker/daemon.json")
    assert fresh("echo '{,}' >/etc/docker/daemon.json")[0] == 0
    code, out = fresh("cd ~op/src && make run", user="op")
    assert code != 0 and "/etc/docker/daemon.json, line 1" in out and "PLAY RECAP" in out and "left: 1" not in out, out
    assert fresh("find /home/op/src ! -user op -o -name configure.left")[1] == ""
    assert fresh("cat >/etc/docker/daemon.json", data=file[1].encode())[0] == 0

    code, out = fresh("make undo")
    assert code == 0 and "gcr" not in fresh("docker system info; cat /etc/docker/daemon.json")[1], out
    assert fresh("make undo")[0] == 0

    # The engine stops with the printed command, and make run starts it again.
    assert fresh("kill $(cat /var/run/docker.pid)")[0] == 0
    wait_until(lambda: fresh("pgrep -x dockerd || test ! -e /var/run/docker.pid")[0] == 0)
    wait_until(lambda: fresh("test -e /var/run/docker.pid")[0] != 0)
    code, out = fresh("make run")
    assert code == 0 and "https://mirror.gcr.io/" in out, out


def test_root_owns_the_lab_and_the_user_owns_the_checkout(fresh):
    """A user with sudo runs make test. The stub of molecule prints its user and leaves the same files as molecule."""
    fresh.add_user()
    stub = "id -u; mkdir -p build/lab; touch build/lab/id build/proofs.json"
    folders = 'mkdir -p .venv/test/bin .venv/run && echo "$PWD $(sha256sum <requirements.txt)" >.venv/run/ready'
    assert (
        fresh(
            f"cd ~op/src && {folders} && echo '{stub}' >.venv/test/bin/molecule && chmod +x .venv/test/bin/molecule",
            user="op",
        )[0]
        == 0
    )
    step = "cd ~op/src && tools/molecule {} --scenario-name {}"
    code, out = fresh(step.format("create", "default"), user="op")
    assert code != 0 and "sudo" in out, "not without a password"
    assert fresh("echo 'op ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/op")[0] == 0
    assert fresh(step.format("create", "default"), user="op") == (0, "0\n")
    assert fresh("cd ~op/src && find . ! -user op")[1].split() == ["./build/lab", "./build/lab/id"], (
        "hosts have mounted these"
    )
    assert fresh(step.format("destroy", "default"), user="op") == (0, "0\n")
    assert fresh("find ~op/src ! -user op")[1] == ""
    user = fresh("id -u op")[1]
    assert fresh(step.format("test", "local"), user="op") == (0, user), "no containers, no root"


def test_it_says_why_it_cannot_work(fresh):
    code, out = fresh("mkdir -p /opt/docker-desktop && make run")
    assert code != 0 and "Only Docker Desktop is here" in out and "Apply & Restart" in out
    assert fresh("command -v dockerd")[0] != 0, "nothing is installed"
    code, out = fresh("make run INVENTORY=nowhere")
    assert code != 0 and "There is no inventory called nowhere" in out
    fresh.add_user()
    code, out = fresh("mv /usr/bin/sudo /root/ && su op -c 'cd ~/src && make run'")
    assert code != 0 and "This needs root" in out, out


def test_for_hosts_of_an_inventory(lab):
    host = Host(lab, "engine-26.1")
    before = host.daemon_json()
    for target, changed, there in (("run", 1, True), ("run", 0, True), ("undo", 1, False)):
        command = ["make", "--no-print-directory", target, f"INVENTORY={INVENTORY}", f"ARGS=--limit {host.name}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        out = done.stdout + done.stderr
        assert done.returncode == 0 and f"changed {changed}, " in out and len(out.splitlines()) <= 15, out
        assert ("https://mirror.gcr.io/" in host.mirrors()) is there
    assert host.daemon_json() == before

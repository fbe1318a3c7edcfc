# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Witnesses: the Docker SDK over SSH, the hosts' files and processes, and the access logs of cache and stand-in.

Nothing here asks the modules of the collection how things are.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import ansible as ansible_package
import docker
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
INVENTORY = pathlib.Path(os.environ.get("LAB_INVENTORY", ROOT / "extensions/molecule/default/hosts.yml")).resolve()
SCENARIO = INVENTORY.parent.name
LAB = yaml.safe_load(INVENTORY.read_text())["all"]
HOSTS = LAB["children"]["engines"]["hosts"]
ENGINES = [name for name in HOSTS if not name.endswith("-bare")]
"""One host of each engine."""
PREFIX = LAB["vars"]["lab_prefix"]
WHOLE = os.environ.get("WHOLE") == "yes"
"""Whether to run the long tests completely. Without it, they run in part, which is enough for each change."""
FOLDER = pathlib.Path(LAB["vars"]["lab_folder"].replace("{{ inventory_dir }}", str(INVENTORY.parent))).resolve()
PROGRAMS = pathlib.Path(sys.executable).parent
"""The folder with the programs of Ansible."""
PLUGIN = ROOT / "tests/lab/plugin.py"
CALL = ROOT / "tests/lab/call.py"
# Names, modes, owners and content of everything in the folder of a file.
LISTING = (
    """cd "${0%/*}" && find . -printf '%p %y %m %u:%g %l\\n' | sort && find . -type f -exec sha256sum {} + | sort"""
)
GCR = "https://mirror.gcr.io/"
MEMBER = re.compile(rb',?\s*"registry-mirrors"\s*:\s*\[[^\]]*\]')
SSH_OPTIONS = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]


def wait_until(condition, seconds=30):
    """Wait until the condition is true, and fail if it is not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not true in time"
        time.sleep(0.1)


def listens(path):
    """Return whether someone accepts connections on a socket. A new socket refuses them at first."""
    with socket.socket(socket.AF_UNIX) as attempt:
        return attempt.connect_ex(str(path)) == 0


def rule_against(address):
    """Return the rule of iptables that makes connections to an address fail at once."""
    return ["OUTPUT", "-p", "tcp", "-d", address, "-j", "REJECT", "--reject-with", "tcp-reset"]


def signed(name, days):
    """Return a new key, and a certificate with this name that the lab's CA signed."""
    command = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days {days} -keyout /dev/stdout"
    ca = ["-CA", FOLDER / "ca.crt", "-CAkey", FOLDER / "ca.key", "-subj", f"/CN={name}"]
    # Without the last two, Python 3.13 treats the certificate as a CA certificate, and refuses it.
    extensions = [
        f"subjectAltName=DNS:{name}",
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
    ]
    words = ["openssl", *command.split(), *ca, *(word for extension in extensions for word in ("-addext", extension))]
    pem = subprocess.run(words, check=True, capture_output=True).stdout
    key, end, certificate = pem.partition(b"-----END PRIVATE KEY-----\n")
    return key + end, certificate


@contextlib.contextmanager
def running(host, *command):
    """Run a program on the host until its standard input is closed."""
    process = subprocess.Popen(["docker", "exec", "-i", host.container, *command], stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.stdin.close()
        assert process.wait(30) == 0


class Lab:
    """The two registries and the machine's own engine, which runs everything."""

    def __init__(self):
        self.engine = docker.from_env()

    def container(self, name):
        return self.engine.containers.get(PREFIX + name)

    def address(self, registry):
        return self.container(registry).attrs["NetworkSettings"]["Networks"][LAB["vars"]["lab_network"]]["IPAddress"]

    def requests(self, registry, pattern, client=None):
        """Return (client address, line) for each line of the access log that matches, optionally of one client only."""
        lines = self.container(registry).logs(stderr=False).decode().splitlines()
        matching = [(line.split()[0], line) for line in lines if re.search(pattern, line)]
        return [(address, line) for address, line in matching if client in (None, address)]


class Host:
    """One host of the lab."""

    def __init__(self, lab, name):
        self.name = name
        self.lab = lab
        settings = {**LAB["children"]["engines"]["vars"], **HOSTS[name]}
        self.address = settings["ansible_host"]
        self.container = PREFIX + settings.get("lab_container", name)
        self.user = settings["ansible_user"]
        self.file = settings.get("lab_file", "/etc/docker/daemon.json")
        self.pid_file = settings.get("lab_pid_file", "/var/run/docker.pid")
        self.socket = settings.get("lab_socket", "/var/run/docker.sock")

    def run(self, *command, check=True, data=None):
        done = subprocess.run(
            ["docker", "exec", *(["-i"] if data is not None else []), self.container, *command],
            input=data,
            capture_output=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr.decode()
        return done.stdout

    @contextlib.contextmanager
    def without(self, registry):
        """The host cannot connect to a registry of the lab."""
        rule = rule_against(self.lab.address(registry))
        self.run("iptables", "-I", *rule)
        try:
            yield
        finally:
            self.run("iptables", "-D", *rule)

    @contextlib.contextmanager
    def sdk(self):
        """Yield a client of the Docker SDK that is connected to this host's engine through SSH."""
        path = FOLDER / f"{self.name}.sock"
        path.unlink(missing_ok=True)
        tunnel = subprocess.Popen(
            [
                "ssh",
                "-N",
                "-i",
                FOLDER / "id",
                *SSH_OPTIONS,
                "-L",
                f"{path}:{self.socket}",
                f"{self.user}@{self.address}",
            ]
        )
        try:
            wait_until(lambda: listens(path))
            client = docker.DockerClient(base_url=f"unix://{path}", timeout=120)
            yield client
            client.close()
        finally:
            # Not terminate: ssh can miss the signal and then waits forever.
            tunnel.kill()
            tunnel.wait()

    def mirrors(self):
        with self.sdk() as client:
            return client.info()["RegistryConfig"]["Mirrors"] or []

    def pull(self, image):
        """Remove and pull an image, and return how many seconds the pull took."""
        with self.sdk() as client:
            with contextlib.suppress(docker.errors.ImageNotFound):
                client.images.remove(image, force=True)
            began = time.monotonic()
            client.images.pull(image, tag="latest")
            return round(time.monotonic() - began, 2)

    def daemon_json(self):
        """Return the bytes of the configuration file, or None."""
        if self.run("sh", "-c", 'test -e "$0" && echo yes || echo no', self.file) == b"no\n":
            return None
        return self.run("cat", self.file)

    def write(self, path, data):
        """Write a file in place, keeping mode and owner, and create its folder. None removes the file."""
        command = 'rm -f "$0"' if data is None else 'mkdir -p "${0%/*}" && cat > "$0"'
        self.run("sh", "-c", command, path, data=data)

    def write_daemon_json(self, data):
        self.write(self.file, data)

    def files(self):
        """Return the files in the folder, with mode and owner."""
        command = "cd \"${0%/*}\" 2>/dev/null && stat -c '%n %a %U:%G' * .[!.]* 2>/dev/null || true"
        return self.run("sh", "-c", command, self.file).decode().splitlines()

    def engine_pid(self):
        return int(self.run("cat", self.pid_file))

    def witness(self):
        """Return the pid, the start and the state of the container without a restart policy."""
        with self.sdk() as client:
            state = client.containers.get("witness").attrs["State"]
        return {"pid": state["Pid"], "started": state["StartedAt"], "running": state["Running"]}

    def info(self):
        """Return what the engine shows in /info, queried on the host with curl."""
        return json.loads(
            self.run("curl", "-sS", "--fail", "--max-time", "5", "--unix-socket", self.socket, "http://localhost/info")
        )

    def answers(self):
        command = ["curl", "-sS", "--fail", "--max-time", "2", "--unix-socket", self.socket, "http://localhost/_ping"]
        return self.run(*command, check=False) == b"OK"

    def state(self):
        """Return what a refusal must not change, as far as this works without an answer of the engine."""
        return {
            "files": self.run("sh", "-c", LISTING, self.file).decode(),
            "engine": self.run("sh", "-c", 'cat "$0" 2>/dev/null || true', self.pid_file),
        }

    def container_process(self, name):
        """Return the pid of a container and when it started, which together identify its process."""
        pid = self.run("docker", "inspect", "--format", "{{.State.Pid}}", name).decode().strip()
        return pid, self.run("sh", "-c", 'cut -d")" -f2 "/proc/$0/stat" | cut -d" " -f21', pid)

    def pull_by_command(self, image):
        """Remove and pull an image with the docker command, and return how many seconds the pull took."""
        self.run("docker", "rmi", "--force", image, check=False)
        began = time.monotonic()
        self.run("docker", "pull", "--quiet", image)
        return round(time.monotonic() - began, 1)

    def install(self, collections, folder):
        """Copy the modules, and what they import from Ansible, to a folder of the host, for ``execute``."""
        package = pathlib.Path(ansible_package.__file__).parents[1]
        parts = {package: ["ansible/release.py", "ansible/module_utils"], collections: ["ansible_collections"]}
        self.run("sh", "-c", 'rm -rf "$0" && mkdir "$0"', folder)
        for root, names in parts.items():
            packed = subprocess.run(
                ["tar", "-C", root, "--dereference", "--exclude=__pycache__", "-c", *names],
                capture_output=True,
                check=True,
            ).stdout
            self.run("tar", "-x", "-C", folder, data=packed)
        self.write(f"{folder}/ansible/__init__.py", b"")  # The real one imports more. Ansible does not send it either.
        self.write(f"{folder}/call.py", CALL.read_bytes())
        self.run("python3", "-m", "compileall", "-q", folder)  # Otherwise each call would compile everything.

    def execute(self, name="registry_mirrors", *, folder="/opt/lab", user="root", under=(), **options):
        """Run a module on the host without Ansible's controller, in a fifth of the time, and return its result.

        under: a program with its arguments that runs the interpreter, such as strace.
        """
        # No bytecode is written, so that ``under`` sees only the files of the module.
        python = [
            "env",
            f"PYTHONPATH={folder}",
            "PYTHONDONTWRITEBYTECODE=1",
            *under,
            "python3",
            f"{folder}/call.py",
            name,
        ]
        done = subprocess.run(
            ["docker", "exec", "-i", f"--user={user}", self.container, *python],
            input=json.dumps(options).encode(),
            capture_output=True,
            check=False,
        )
        out = (done.stdout + done.stderr).decode()
        assert not done.stderr and "Traceback" not in out, out
        return json.loads(out)

    def module(self, name="registry_mirrors", collections=None, check=False, **options):
        """Call a module of the collection on this host, ad hoc, and return its result."""
        return modules([self], name, collections, check, **options)[self.name]


def modules(hosts, name="registry_mirrors", collections=None, check=False, **options):
    """Call a module of the collection on all hosts at once, ad hoc, and return the results by host.

    Ansible shows diffs only at this verbosity.
    """
    arguments = ["-a", json.dumps(options)] if options else []
    flags = ["--check"] if check else []
    pattern = ",".join(host.name for host in hosts)
    _code, out = ansible(
        "ansible", pattern, "-vvv", "-m", f"pullthrough.docker.{name}", *arguments, *flags, collections=collections
    )
    found = re.findall(r"^(\S+) \| ([A-Z!]+) => (\{.*?\n\})$", out, re.MULTILINE | re.DOTALL)
    assert {host for host, status, _text in found if status != "UNREACHABLE!"} == {host.name for host in hosts}, out
    return {host: dict(json.loads(text), failed=status == "FAILED!", output=out) for host, status, text in found}


def ansible(program, *arguments, collections=None, inventory=INVENTORY):
    """Run a program of Ansible on the lab's inventory, and return exit code and output. A traceback fails the test."""
    with started(program, *arguments, collections=collections, inventory=inventory) as running:
        out, _none = running.communicate()
    assert "Traceback" not in out, out
    return running.returncode, out


def started(program, *arguments, collections=None, inventory=INVENTORY):
    """Start a program of Ansible on the lab's inventory, in its own process group."""
    environment = dict(
        os.environ,
        ANSIBLE_CALLBACK_RESULT_FORMAT="json",
        ANSIBLE_FORCE_COLOR="false",
        ANSIBLE_HOST_KEY_CHECKING="false",
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_NOCOLOR="true",
        ANSIBLE_PIPELINING="true",
    )
    if collections:
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    # Without a terminal, the output is not wrapped.
    command = [PROGRAMS / program, "-i", inventory, *arguments]
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def playbook(path, plays, *arguments):
    """Write a playbook, run it, and return its exit code, its recap by host, and its output."""
    path.write_text(yaml.safe_dump(plays))
    return run_playbook(path, *arguments)


def run_playbook(name, *arguments):
    """Run a playbook, and return its exit code, its recap by host, and its output."""
    code, out = ansible("ansible-playbook", name, *arguments)
    recap = re.findall(r"^(\S+) +: (ok=\d.*)$", out, re.MULTILINE)
    counts = {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)} for host, line in recap}
    return code, counts, out


def collection(root):
    """Copy the collection below a folder that can be used as COLLECTIONS_PATH, and return the copy."""
    copy = root / "ansible_collections/pullthrough/docker"
    for part in ("plugins", "meta", "galaxy.yml"):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / part)
    return copy


def each(function, hosts):
    """Call the function on all hosts at once, and return its results by host."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return dict(zip((host.name for host in hosts), pool.map(function, hosts)))


def with_modules(lab, tmp_path_factory, copies=None):
    """Return one host of each engine, with the modules installed.

    :param copies: the functions that make the copies of the collection, by their folders on the hosts.
    """
    hosts = [Host(lab, name) for name in ENGINES]
    for folder, copy in (copies or {"/opt/lab": collection}).items():
        root = tmp_path_factory.mktemp("collections")
        copy(root)
        each(lambda host, root=root, folder=folder: host.install(root, folder), hosts)
    return hosts


def collection_without_checks(root):
    """Copy the collection without the checks before a write, so that the engine itself must refuse."""
    copy = collection(root)
    for name, function in (
        ("_rules/mirror_url", "declare"),
        ("_rules/mirror_url", "check"),
        ("_host/engines", "validate"),
    ):
        path = copy / f"plugins/module_utils/{name}.py"
        text = path.read_text()
        body = "    return url\n" if function == "declare" else "    return None\n"
        changed = re.sub(
            rf"(def {function}\((?:.|\n)*?\) -> [^\n]*:\n)",
            lambda match, body=body: match.group(1) + body,
            text,
            count=1,
        )
        assert changed != text
        path.write_text(changed)


def sha256(data):
    return hashlib.sha256(data or b"").hexdigest()


def rest_of(data):
    """Return the SHA-256 of a daemon.json without its mirrors, removed without the code under test."""
    return sha256(MEMBER.sub(b"", data or b"{\n}\n"))


@pytest.fixture(scope="session")
def lab():
    return Lab()


@pytest.fixture(params=HOSTS)
def host(request, lab):
    return Host(lab, request.param)


@pytest.fixture
def hosts(lab):
    return [Host(lab, name) for name in HOSTS]


@pytest.fixture
def gone(tmp_path):
    """Return an inventory with a host that does not exist."""
    path = tmp_path / "gone"
    path.write_text("[lost]\ngone ansible_host=127.0.0.1 ansible_port=1\n")
    return path


@pytest.fixture
def cut_off(lab):
    """The cache cannot reach Docker Hub, so it serves only what it holds."""
    rule = rule_against(lab.address("hub"))
    cache = lab.container("cache")
    assert cache.exec_run(["iptables", "-I", *rule]).exit_code == 0
    yield
    assert cache.exec_run(["iptables", "-D", *rule]).exit_code == 0


@contextlib.contextmanager
def as_they_were(hosts):
    """Restore file and mirrors of the hosts at the end, only with reloads."""
    before = {host.name: (host.daemon_json(), host.mirrors(), host.engine_pid()) for host in hosts}
    yield
    for host in hosts:
        data, mirrors, pid = before[host.name]
        host.write_daemon_json(b'{"registry-mirrors": %s}' % str(mirrors).replace("'", '"').encode())
        host.run("systemctl", "reload", "docker")
        wait_until(lambda host=host, mirrors=mirrors: host.mirrors() == mirrors)
        host.write_daemon_json(data)
        assert host.engine_pid() == pid


@contextlib.contextmanager
def stopped(host):
    """Stop the engine but not its socket, fail if something starts it, and start it and its container at the end."""
    host.run("systemctl", "stop", "docker.service")
    try:
        yield
        assert (
            host.run("systemctl", "is-active", "docker.service", "docker.socket", check=False) == b"inactive\nactive\n"
        )
    finally:
        host.run("systemctl", "reset-failed", "docker.service", "docker.socket")
        host.run("systemctl", "start", "docker.service")
        host.run("docker", "start", "witness")


class Store(dict):
    """A file of JSON."""

    def __init__(self, path):
        self.path = path
        super().__init__(json.loads(path.read_text()) if path.exists() else {})

    def save(self):
        self.path.write_text(json.dumps(self, indent=2, sort_keys=True) + "\n")


@pytest.fixture
def state():
    """Yield what earlier phases recorded, by host."""
    store = Store(FOLDER / "state.json")
    yield store
    store.save()


@pytest.fixture
def prove():
    """Record a measured value for the readers of the results: prove(host, name, value)."""
    store = Store(ROOT / f"build/proofs-{SCENARIO}.json")

    def keep(host, name, value):
        store.setdefault(host, {})[name] = value
        store.save()
        print(f"proof: {host}: {name}: {value}")

    return keep


def pytest_sessionfinish(session):
    """Fail the phase if a test was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.exitstatus == 0 and reporter.stats.get("skipped"):
        session.exitstatus = 1

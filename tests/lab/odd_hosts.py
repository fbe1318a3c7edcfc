# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts as other people have them: files, drop-ins and flags from public bug reports and repositories, rewritten.

Each host is a row: what is there, what is run, and what is right. ``test_odd_hosts.py`` makes the host on real engines.
"""

from __future__ import annotations

import contextlib
import json

from typing import Any, Callable, Dict, Generator, List, NamedTuple, Optional, Tuple, Union

from conftest import running, wait_until

OLD, NEW = "https://old.example.com", "https://new.example.com"
FILE, SOCKET = "/etc/docker/daemon.json", "/var/run/docker.sock"
OPTIONS = "/etc/default/docker"
DROP_INS = "/etc/systemd/system/docker.service.d"
DROP_IN = f"{DROP_INS}/10-site.conf"
OWN_DROP_IN = f"{DROP_INS}/zz-pullthrough-docker.conf"
DOCKERD = "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock"
FAILS = "fails"
"""The next start does not succeed."""
FLAG = f"--registry-mirror={OLD}"
BOTH = f'{{"registry-mirrors": ["{NEW}"]}}\n'
"""What a tool that looks only at the file would write."""

OLDEST, MIDDLE, NEWEST = "engine-20.10", "engine-26.1", "engine-28.5"
CONTAINERD, SYSVINIT, OPENRC = "containerd-28.5", "sysvinit-20.10", "openrc-26.1"
ALL = (OLDEST, MIDDLE, NEWEST)

CONTAINERD_STORE = '{"features": {"containerd-snapshotter": true}}'
LOG = "journalctl -u docker.service -n 20 --no-pager -o cat 2>/dev/null || tail -n 20 /var/log/docker.log"


class Link(NamedTuple):
    """A symbolic link in place of a file."""

    target: str


class Step(NamedTuple):
    """A module, its options, and what is right (``compare`` in test_odd_hosts.py). Without a module, what is done."""

    module: Optional[str]
    options: Dict[str, Any]
    right: Dict[str, Any]


def untouched(host: Any) -> Generator:
    yield


class Row(NamedTuple):
    """A host."""

    name: str
    on: Tuple[str, ...]
    """The engines on which it is tried."""
    files: Dict[str, Union[str, bytes, Link, None]]
    """What is there. None is a file that is not there."""
    steps: List[Step]
    engine: str = "runs"
    """``runs`` with these files, ``ran before`` they were written, or ``stopped`` unless ``around`` starts another."""
    starts: Optional[Union[List[str], str]] = None
    """The mirrors after the next start, or ``FAILS``; None where the row promises nothing about it."""
    by_hand: Optional[Dict[str, str]] = None
    """What someone could write who does not know what the modules know. The engine then does not start."""
    holds: Optional[Dict[str, Union[bytes, Link]]] = None
    """What files hold after all steps."""
    around: Callable[[Any], Generator] = untouched
    """What files cannot express: a generator that changes the host, yields, and undoes it."""
    socket: str = SOCKET


def info(**right: Any) -> Step:
    return Step("registry_mirrors_info", {}, right)


def present(options: Optional[Dict[str, Any]] = None, **right: Any) -> Step:
    return Step("registry_mirrors", {"mirrors": [NEW], **(options or {})}, right)


def absent(options: Optional[Dict[str, Any]] = None, **right: Any) -> Step:
    return Step("registry_mirrors", {"mirrors": [OLD], "state": "absent", **(options or {})}, right)


def settings(values: Dict[str, Any], **right: Any) -> Step:
    return Step("daemon_config", {"settings": values}, right)


def do(action: Callable[[Any], Any]) -> Step:
    return Step(None, {"do": action}, {})


def shown(mirrors: Any) -> List[str]:
    """Return mirrors as engines show them."""
    return [f"{mirror}/" for mirror in mirrors]


# -- the service -------------------------------------------------------------------------------------------------------


def has_systemd(host: Any) -> bool:
    return host.name not in (SYSVINIT, OPENRC)


def load_units(host: Any) -> None:
    if has_systemd(host):
        host.run("systemctl", "daemon-reload")


def clean(host: Any) -> None:
    """Take away what a run that was killed may have left."""
    host.run("rm", "-rf", DROP_INS, FILE)
    if host.name == CONTAINERD:
        host.write(FILE, CONTAINERD_STORE.encode())


def start(host: Any) -> bool:
    """Start the engine as a boot would, and return whether it runs."""
    if has_systemd(host):
        host.run("systemctl", "reset-failed", "docker.service", "docker.socket", check=False)
        host.run("systemctl", "start", "docker.service", check=False)
        return host.run("systemctl", "is-active", "docker.service", check=False) == b"active\n"
    host.run("sh", "-c", "service docker start >/dev/null 2>&1", check=False)
    with contextlib.suppress(AssertionError):
        wait_until(lambda: host.answers() or not host.run("pgrep", "-x", "dockerd", check=False), 30)
    return bool(host.answers())


def stop(host: Any) -> None:
    if has_systemd(host):
        host.run("systemctl", "stop", "docker.service", "docker.socket", check=False)
        return
    host.run("sh", "-c", "service docker stop >/dev/null 2>&1; pkill -x dockerd || true")
    wait_until(lambda: not host.run("pgrep", "-x", "dockerd", check=False), 30)


def service(*lines: str) -> str:
    """Return a drop-in."""
    return "\n".join(["[Service]", *lines, ""])


def command(words: str) -> str:
    """Return a drop-in with another command line."""
    return service("ExecStart=", f"ExecStart={words}")


# -- A. Flags in places that nobody looks at ---------------------------------------------------------------------------

KUBESPRAY = service(
    'Environment="DOCKER_OPTS= --iptables=true \\',
    "--label=site=10.233.0.0/18  \\",
    f"{FLAG}  \\",
    "--log-opt max-size=50m \\",
    '"',
)
PRESET = service(f'Environment="DOCKER_OPTS={FLAG}"')
SHELL_NAME = "DOCKER_MIRROR"
AMAZON = service(
    "EnvironmentFile=",
    "EnvironmentFile=-/etc/sysconfig/docker",
    "EnvironmentFile=-/run/docker/runtimes.env",
    "RuntimeDirectory=docker",
    "ExecStartPre=/bin/sh -c 'echo DOCKER_ADD_RUNTIMES= >/run/docker/runtimes.env'",
    "ExecStart=",
    f"ExecStart={DOCKERD} $OPTIONS $DOCKER_ADD_RUNTIMES",
)

HOSTS: List[Row] = [
    Row(
        "A1 Kubespray's variable over many lines",
        ALL,
        {DROP_IN: KUBESPRAY},
        [
            info(sources=[("command_line", DROP_IN, 4, shown([OLD]))], mirrors=shown([OLD]), drift=False),
            present(refused=[f"{DROP_IN}, line 4", "which this module does not edit"]),
            present({"migrate": True}, refused=[f"{DROP_IN}, line 4"]),
            absent(refused=[f"{DROP_IN}, line 4"]),
        ],
        by_hand={FILE: BOTH},
    ),
    Row(
        "A2 a variable in a drop-in",
        ALL,
        {DROP_IN: PRESET},
        [
            info(sources=[("command_line", DROP_IN, 2, shown([OLD]))], drift=False),
            present(refused=[f"{DROP_IN}, line 2", "Nothing was changed"]),
        ],
        by_hand={FILE: BOTH},
    ),
    Row(
        "A2 a variable in a drop-in, and the engine is stopped",
        (OLDEST, NEWEST),
        {DROP_IN: PRESET},
        [
            info(state="stopped", in_force=None, mirrors=shown([OLD])),
            present(refused=[f"{DROP_IN}, line 2", "at its next start"]),
        ],
        engine="stopped",
        starts=[OLD],
    ),
    Row(
        "A3 a flag in a variable of the options file, written with braces",
        ALL,
        {OPTIONS: f"# Site\nDOCKER_MIRROR={FLAG}\n", DROP_IN: command(f"{DOCKERD} ${{DOCKER_MIRROR}}")},
        [present(refused=[f"{OPTIONS}, line 2"]), info(mirrors=shown([OLD]), drift=False)],
        by_hand={FILE: BOTH},
    ),
    Row(
        "A4 quoted words with blanks on the command line",
        ALL,
        {DROP_IN: command(f'{DOCKERD} --label "role=build node" "{FLAG}"')},
        [
            info(mirrors=shown([OLD]), state="stopped", in_force=None),
            present(refused=[f"{DROP_IN}, line 3"]),
        ],
        engine="stopped",
        starts=[OLD],
    ),
    Row(
        "A5 a second ExecStart= and no empty one before it",
        ALL,
        {DROP_IN: service(f"ExecStart={DOCKERD} --label site=a")},
        [
            info(conflicts_at=[f"{DROP_IN}, line 2"]),
            present(changed=True, reloaded=True, says=["will fail at its next start", f"{DROP_IN}, line 2"]),
            settings({"log-driver": "local"}, refused=[f"{DROP_IN}, line 2", "a second ExecStart="]),
        ],
        engine="ran before",
        starts=FAILS,
    ),
    Row(
        "A5 a second ExecStart= with a mirror",
        (MIDDLE,),
        {DROP_IN: service(f"ExecStart={DOCKERD} {FLAG}")},
        [present({"migrate": True}, refused=[f"{DROP_IN}, line 2", "will not start"])],
        engine="ran before",
        starts=FAILS,
    ),
    Row(
        "A6 absent, of a mirror in a variable of a drop-in",
        ALL,
        {DROP_IN: PRESET},
        [absent(refused=[f"{DROP_IN}, line 2"]), absent({"mirrors": [NEW]}, changed=False, pending="none")],
        starts=[OLD],
    ),
    Row(
        "A7 Amazon Linux: the last options file is written anew at each start",
        ALL,
        {"/etc/sysconfig/docker": 'OPTIONS="--default-ulimit nofile=32768:65536"\n', DROP_IN: AMAZON},
        [
            present(
                {"source": "options_file"},
                changed=True,
                pending="restart",
                path="/etc/sysconfig/docker",
                mirrors=shown([NEW]),
            ),
        ],
        starts=[NEW],
    ),
    Row(
        "A7 Fedora: the last options file is that of the network",
        (MIDDLE,),
        {
            "/etc/sysconfig/docker": "# Modify these options\nOPTIONS='--log-driver=journald --init'\n",
            "/etc/sysconfig/docker-network": "DOCKER_NETWORK_OPTIONS=\n",
            DROP_IN: service(
                "EnvironmentFile=",
                "EnvironmentFile=-/etc/sysconfig/docker",
                "EnvironmentFile=-/etc/sysconfig/docker-network",
                "ExecStart=",
                f"ExecStart={DOCKERD} $OPTIONS $DOCKER_NETWORK_OPTIONS",
            ),
        },
        [present({"source": "options_file"}, changed=True, pending="restart", path="/etc/sysconfig/docker")],
        starts=[NEW],
        holds={
            "/etc/sysconfig/docker": b"# Modify these options\n"
            b"OPTIONS='--log-driver=journald --init --registry-mirror=https://new.example.com'\n"
        },
    ),
]


# -- B. Engines that run and are not reached ---------------------------------------------------------------------------


@contextlib.contextmanager
def started_by_hand(host: Any, *words: str) -> Generator:
    """Start the engine as a script does, that knows no init system."""
    host.run("sh", "-c", 'setsid "$@" >/var/log/docker.log 2>&1 </dev/null &', "sh", "/usr/sbin/dockerd", *words)
    wait_until(host.answers, 60)
    yield


def by_hand(*words: str, files: Optional[Dict[str, str]] = None) -> Callable[[Any], Generator]:
    def around(host: Any) -> Generator:
        for path, text in (files or {}).items():
            host.write(path, text.encode())
        with started_by_hand(host, *words):
            yield

    return around


@contextlib.contextmanager
def away(host: Any, *paths: str) -> Generator:
    """Take files of a package away."""
    for path in paths:
        host.run("mv", path, f"{path}.away")
    try:
        yield
    finally:
        for path in paths:
            host.run("mv", f"{path}.away", path)


LISTENER = (
    "import os, socket, sys; p = sys.argv[1]; os.path.exists(p) and os.unlink(p); s = socket.socket(socket.AF_UNIX); "
    "s.bind(p); s.listen(); print(flush=True); sys.stdin.read(); os.unlink(p)"
)


def another_program_has_the_socket(host: Any) -> Generator:
    units = [f"/usr/lib/systemd/system/docker.{kind}" for kind in ("service", "socket")]
    with away(host, "/usr/sbin/dockerd", *units):
        load_units(host)
        with running(host, "python3", "-c", LISTENER, SOCKET):
            wait_until(lambda: host.run("sh", "-c", 'test -S "$0" && echo yes || true', SOCKET))
            yield


HOSTS += [
    Row(
        "B1 SONiC: an empty address, and one on the loopback",
        ALL,
        {DROP_IN: command("/usr/sbin/dockerd -H unix:// -H tcp://127.0.0.1:2375")},
        [info(state="running"), present(changed=True, reloaded=True, pending="none")],
        starts=[NEW],
    ),
    Row(
        "B1 an empty address in the file",
        (MIDDLE,),
        {DROP_IN: command("/usr/sbin/dockerd"), FILE: '{"hosts": ["unix://"]}\n'},
        [info(state="running"), present(changed=True, reloaded=True)],
        starts=[NEW],
    ),
    Row(
        "B2 a relative address in the file",
        ALL,
        {
            DROP_IN: command("/usr/sbin/dockerd"),
            FILE: '{"hosts": ["127.0.0.1:2375", "unix://var/run/docker.sock"]}\n',
        },
        [info(state="running"), present(changed=True, reloaded=True)],
        starts=[NEW],
    ),
    Row(
        "B3 an engine that listens only on TCP",
        ALL,
        {DROP_IN: command("/usr/sbin/dockerd -H tcp://127.0.0.1:2375")},
        [
            info(
                state="unreachable",
                in_force=None,
                says=["listens on no unix socket"],
                silent=["hung", "hangs", "starting"],
            ),
            present(refused=["listens on no unix socket"]),
        ],
        socket="",
    ),
    Row(
        "B4 Unraid, Slackware: the pid file is elsewhere, and no systemd runs",
        (SYSVINIT,),
        {FILE: "{}\n"},
        [info(state="running"), present(changed=True, reloaded=True), info(mirrors=shown([NEW]), drift=False)],
        engine="stopped",
        around=by_hand("-p", "/var/run/dockerd.pid"),
    ),
    Row(
        "B4 Gentoo: the file says where the pid file is, and no systemd runs",
        (SYSVINIT, OPENRC),
        {},
        [info(state="running"), present(changed=True, reloaded=True)],
        engine="stopped",
        around=by_hand(files={FILE: '{"pidfile": "/run/engine/docker.pid"}'}),
    ),
    Row(
        "B5 podman-docker: a socket, and no engine",
        (NEWEST,),
        {},
        [
            info(state="absent", in_force=None, says=[SOCKET, "another program has the socket"]),
            present(changed=True, says=["another program has the socket"], warned=True),
        ],
        engine="stopped",
        around=another_program_has_the_socket,
    ),
]


# -- C. Restarts -------------------------------------------------------------------------------------------------------


def with_witness(host: Any) -> None:
    host.run("docker", "start", "witness")


def restarted(*, survives: bool) -> Callable[[Any], None]:
    """Restart the engine, and check what became of the container."""

    def restart(host: Any) -> None:
        before = host.container_process("witness")
        host.run("systemctl", "reset-failed", "docker.service")
        host.run("systemctl", "restart", "docker.service")
        wait_until(host.answers, 60)
        assert (host.container_process("witness") == before) is survives

    return restart


def kill_mode(words: str) -> str:
    return service("KillMode=control-group", "ExecStart=", f"ExecStart={words}")


def own_containerd(host: Any) -> Generator:
    """Without the containerd of the system, the engine starts one of its own, in its own control group."""
    host.run("systemctl", "mask", "--runtime", "--now", "containerd.service")
    yield
    host.run("systemctl", "unmask", "--runtime", "containerd.service")


def wrong_type(name: str, values: Dict[str, Any], written: str, *words: str) -> Row:
    return Row(
        f"C2 a wrong type: {name}",
        (OLDEST,),
        {},
        [settings(values, refused=list(words))],
        by_hand={FILE: written},
    )


LIVE_RESTORE = '{"live-restore": true}'
RESTART_LOGS = {"log-driver": "local"}

HOSTS += [
    Row(
        "C1 live-restore and KillMode=control-group, with the containerd of the system",
        (MIDDLE,),
        {DROP_IN: kill_mode(DOCKERD), FILE: LIVE_RESTORE},
        [
            do(with_witness),
            settings(RESTART_LOGS, changed=True, pending="restart"),
            do(restarted(survives=True)),
            do(lambda host: host.run("docker", "stop", "witness")),
        ],
    ),
    Row(
        "C1 live-restore and KillMode=control-group, with a containerd of the engine's own",
        (MIDDLE,),
        {DROP_IN: kill_mode("/usr/sbin/dockerd -H fd://"), FILE: LIVE_RESTORE},
        [
            do(with_witness),
            settings(RESTART_LOGS, refused=["KillMode=control-group", "1 running container(s)"]),
            do(restarted(survives=False)),
        ],
        around=own_containerd,
    ),
    wrong_type(
        "a number in log-opts",
        {"log-opts": {"max-file": 3}},
        '{"log-opts": {"max-file": 3}}',
        '"max-file": "3"',
    ),
    wrong_type(
        "a limit as text",
        {"default-ulimits": {"nofile": "64000:64000"}},
        '{"default-ulimits": {"nofile": "64000:64000"}}',
        "default-ulimits.nofile",
    ),
    wrong_type("a number in quotes", {"mtu": "1400"}, '{"mtu": "1400"}', '"mtu": 1400'),
    wrong_type("an address that is no list", {"dns": "10.0.0.1"}, '{"dns": "10.0.0.1"}', '"dns": ["10.0.0.1"]'),
    wrong_type(
        "options as a list",
        {"log-opts": ["max-size=10m"]},
        '{"log-opts": ["max-size=10m"]}',
        '"max-size": "10m"',
    ),
]


# -- D. "Used" and "safe" that are not ---------------------------------------------------------------------------------

GCR = "https://mirror.gcr.io"


def pulled(*, through_the_cache: bool) -> Step:
    """Pull the image, and look in the log of the cache whether this host asked it."""

    def pull(host: Any) -> None:
        def count() -> int:
            return len(host.lab.requests("cache", r'"(GET|HEAD) /v2/library/alpine/', host.address))

        host.run("docker", "rmi", "--force", "alpine", check=False)
        before = count()
        host.run("docker", "pull", "--quiet", "alpine")
        if through_the_cache:
            wait_until(lambda: count() > before)
        else:
            assert count() == before

    return do(pull)


def canary(**right: Any) -> Step:
    return Step("registry_mirrors_canary", {"images": ["alpine"], "timeout": 5}, right)


def configured(*mirrors: str, **keys: Any) -> str:
    return json.dumps({**keys, "registry-mirrors": list(mirrors)}) + "\n"


def in_containerd(*mirrors: str, **keys: Any) -> str:
    return configured(*mirrors, features={"containerd-snapshotter": True}, **keys)


HOSTS_TOML = '# Site\n[host."https://registry-1.docker.io"]\n  capabilities = ["pull", "resolve"]\n'
CERTS_DEFAULT = "/etc/docker/certs.d/_default/hosts.toml"
CERTS_HUB = "/etc/docker/certs.d/docker.io/hosts.toml"
ASKED_INSTEAD = "is asked instead of the registry mirrors"
NOT_VERIFIED = "does not verify Docker Hub's certificate either"

HOSTS += [
    Row(
        "D1 a log level at which a failed mirror leaves no trace",
        ALL,
        {FILE: configured("https://gone.example.com", **{"log-level": "error"})},
        [do(lambda host: host.run("docker", "rmi", "--force", "alpine", check=False)), canary(used="unknown")],
    ),
    Row(
        "D1 a log level that was written after the start",
        (MIDDLE,),
        {FILE: configured("https://gone.example.com", **{"log-level": "error"})},
        [
            do(lambda host: host.write(FILE, configured("https://gone.example.com").encode())),
            canary(used="unknown"),
        ],
    ),
    Row(
        "D2 a hosts.toml for all registries, with the containerd store",
        (CONTAINERD,),
        {FILE: in_containerd(GCR), CERTS_DEFAULT: HOSTS_TOML},
        [
            info(in_force=shown([GCR]), says=[ASKED_INSTEAD, f"{CERTS_DEFAULT}, line 2"]),
            pulled(through_the_cache=False),
        ],
    ),
    Row(
        "D2 a hosts.toml with a table in another spelling",
        (CONTAINERD,),
        {
            FILE: in_containerd(GCR),
            CERTS_DEFAULT: "[ host . 'https://registry-1.docker.io' ]\ncapabilities = ['pull', 'resolve']\n",
        },
        [info(says=[ASKED_INSTEAD, f"{CERTS_DEFAULT}, line 1"]), pulled(through_the_cache=False)],
    ),
    Row(
        "D3 a hosts.toml for Docker Hub, with the classic store",
        (NEWEST,),
        {FILE: configured(GCR), CERTS_HUB: HOSTS_TOML},
        [info(says=["docker build asks the host", f"{CERTS_HUB}, line 2"]), pulled(through_the_cache=True)],
    ),
    Row(
        "D3 the same on an engine that does not read it",
        (MIDDLE,),
        {FILE: configured(GCR), CERTS_HUB: HOSTS_TOML},
        [info(cautions=[]), pulled(through_the_cache=True)],
    ),
    Row(
        "D4 every network is insecure",
        (CONTAINERD,),
        {FILE: in_containerd(GCR, **{"insecure-registries": ["0.0.0.0/0"]})},
        [info(says=[NOT_VERIFIED])],
    ),
    Row(
        "D4 an insecure registry with a scheme",
        (CONTAINERD,),
        {FILE: in_containerd(GCR, **{"insecure-registries": [GCR]})},
        [
            info(says=[NOT_VERIFIED]),
            do(lambda host: is_false(host.info()["RegistryConfig"]["IndexConfigs"]["mirror.gcr.io"]["Secure"])),
        ],
    ),
    *(
        Row(
            f"D5 the mirror is {mirror}",
            (engine,),
            {},
            [present({"mirrors": [mirror]}, changed=True, warned=True, says=[words]), info(says=[words])],
        )
        for mirror, engine, words in (
            ("https://registry-1.docker.io", OLDEST, "is Docker Hub itself"),
            ("https://docker.io", MIDDLE, "is Docker Hub itself"),
            ("https://hub.docker.com", NEWEST, "is a website"),
            ("https://quay.io", SYSVINIT, "images of its own"),
        )
    ),
]


def is_false(value: Any) -> None:
    assert value is False


# -- F. Files, values --------------------------------------------------------------------------------------------------

BLANK = f'{{"registry-mirrors": ["{OLD}", "", "https://b.example.com"]}}'
UNKNOWN = '{\n  "registry-mirrors": [\n    "https://old.example.com"\n  ],\n  "debug": false,\n  "oom-score": 5\n}\n'
STORE = "/nix/store"


def read_only_store(host: Any) -> Generator:
    host.run("sh", "-c", f"mkdir -p {STORE} && mount -t tmpfs -o mode=755 lab {STORE}")
    host.write(f"{STORE}/abc-daemon.json", configured(OLD).encode())
    host.run("mount", "-o", "remount,ro", STORE)
    yield
    host.run("umount", STORE)


HOSTS += [
    Row(
        "F1 an empty string among the mirrors",
        ALL,
        {FILE: BLANK},
        [absent(changed=True, mirrors=["https://b.example.com/"])],
        engine="ran before",
        starts=["https://b.example.com"],
    ),
    Row("F1 what engines say of an empty string", ALL, {}, [], by_hand={FILE: BLANK}),
    Row("F2 a file that is null", ALL, {FILE: "null\n"}, [info(mirrors=[]), present(changed=True)], starts=[NEW]),
    Row(
        "F3 NixOS: the file is a link into the read-only store",
        (NEWEST,),
        {FILE: Link(f"{STORE}/abc-daemon.json")},
        [
            info(mirrors=shown([OLD]), drift=False),
            present(refused=["the system's own configuration makes this file", f"{STORE}/abc-daemon.json"]),
        ],
        around=read_only_store,
        starts=[OLD],
    ),
    Row(
        "F4 a refused key below a list over many lines",
        ALL,
        {FILE: UNKNOWN},
        [
            present(refused=[f"{FILE}, line 6", "oom-score"]),
            present({"exclusive": True}, refused=[f"{FILE}, line 6"]),
            absent(refused=[f"{FILE}, line 6"]),
        ],
        engine="ran before",
        starts=FAILS,
    ),
    Row(
        "F5 a refused key that has another key in its name",
        ALL,
        {FILE: '{\n  "dns": ["10.0.0.1"],\n  "debug": false,\n  "dns-servers": ["10.0.0.2"]\n}\n'},
        [present(refused=[f"{FILE}, line 4"], silent=["line 2", "line 3"])],
        engine="ran before",
        starts=FAILS,
    ),
    *(
        Row(
            f"F6 a template that was not rendered: {text}",
            (engine,),
            {FILE: f'{{\n  "registry-mirrors": {text}\n}}\n'},
            [present(refused=[f"{FILE}, line 2", "looks like a template"])],
            engine="ran before",
            starts=FAILS,
        )
        for text, engine in (("{{ mirrors | to_json }}", OLDEST), ("${MIRRORS}", MIDDLE), ("%{mirrors}", NEWEST))
    ),
    Row(
        "F7 an empty list, then a mirror, then none",
        ALL,
        {FILE: '{"debug": false, "registry-mirrors": []}\n'},
        [present(changed=True), absent({"mirrors": [NEW]}, changed=True, in_force=[])],
        holds={FILE: b'{"debug": false}\n'},
        starts=[],
    ),
]


# -- B6. The engine of a snap ------------------------------------------------------------------------------------------

SNAP_UNIT, SNAP_CONFIG = "snap.docker.dockerd.service", "/var/snap/docker/current/config/daemon.json"
# A real snap needs snapd, its store and loop mounts, which no container of the lab has. This has the paths, the unit
# and the pid file of one.
SNAP = service(
    "ExecStartPre=/bin/mkdir -p /run/snap.docker",
    "ExecStart=/snap/docker/current/bin/dockerd --exec-root=/run/snap.docker --pidfile=/run/snap.docker/docker.pid "
    f"--config-file={SNAP_CONFIG} -H unix://{SOCKET}",
)


def snap_is_installed(host: Any) -> Generator:
    host.run("sh", "-c", "mkdir -p /snap/docker/current/bin && cp -p /usr/sbin/dockerd /snap/docker/current/bin")
    yield
    host.run("systemctl", "stop", SNAP_UNIT, check=False)
    host.run("rm", "-r", "/snap")


def the_snap_starts(host: Any) -> None:
    assert not start(host), "the engine of the package fails"
    wait_until(lambda: host.run("systemctl", "is-failed", "docker.service", check=False) == b"failed\n", 60)
    host.run("systemctl", "start", SNAP_UNIT)
    wait_until(host.answers, 60)


HOSTS += [
    Row(
        "B6 the engine of a snap runs, and that of a package has failed",
        (MIDDLE, NEWEST),
        {FILE: '{"bip": \n', SNAP_CONFIG: "{}\n", f"/etc/systemd/system/{SNAP_UNIT}": SNAP},
        [
            do(the_snap_starts),
            info(state="ambiguous", in_force=None, says=["/snap/docker/current/bin/dockerd", "docker.service"]),
            present(refused=["ambiguous", "snap.docker.dockerd", "stop the snap"]),
            present({"service": "snap.docker.dockerd"}, changed=True, reloaded=True, path=SNAP_CONFIG),
        ],
        engine="stopped",
        around=snap_is_installed,
    ),
]


# -- G. Further hosts: provisioning tools, distributions, appliances ---------------------------------------------------

SYSCONFIG = "/etc/sysconfig/docker"
UNIT, PACKAGED = "/etc/systemd/system/docker.service", "/usr/lib/systemd/system/docker.service"
RHEL = service(
    "EnvironmentFile=",
    "EnvironmentFile=-/etc/sysconfig/docker",
    "EnvironmentFile=-/etc/sysconfig/docker-storage",
    "ExecStart=",
    f"ExecStart={DOCKERD} \\",
    "          $OPTIONS \\",
    "          $DOCKER_STORAGE_OPTIONS \\",
    "          $INSECURE_REGISTRY",
)
MACHINE = f"{DROP_INS}/10-machine.conf"
NEW_FLAG = f"--registry-mirror={NEW}"


def unit_with(words: str) -> str:
    """Return a whole unit in the administrator's folder, as people copy it there and edit it."""
    return (
        "[Unit]\nDescription=Docker\nRequires=docker.socket containerd.service\n[Service]\nType=notify\n"
        f"ExecStart={words}\nExecReload=/bin/kill -s HUP $MAINPID\nKillMode=process\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )


def by_migration(path: str, line: int, right: str, *engines: str, **more: Any) -> Row:
    """Return a host whose flag is found at this line, refused, and moved to the file."""
    name, text = more.pop("name"), more.pop("text")
    return Row(
        name,
        engines,
        {path: text, **more.pop("files", {})},
        [
            info(mirrors=shown([OLD]), drift=False),
            present(refused=[f"{path}, line {line}", "migrate: true"]),
            present({"migrate": True}, changed=True, pending="restart", mirrors=shown([OLD, NEW])),
        ],
        holds={path: right.encode()},
        starts=[OLD, NEW],
        **more,
    )


COPIED = unit_with(f"{DOCKERD} {FLAG}")
HEREDOC = f"        [Service]\n        ExecStart=\n        ExecStart=/usr/sbin/dockerd {FLAG}\n"
AS_MACHINE = (
    "[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H tcp://127.0.0.1:2376 -H unix:///var/run/docker.sock "
    "--storage-driver overlay2 --label provider=generic {}\nEnvironment=\n"
)

HOSTS += [
    by_migration(
        SYSCONFIG,
        3,
        "# Modify these options\n^OPTIONS='--selinux-enabled'\n"
        "OPTIONS='--log-driver=json-file'\nDOCKER_CERT_PATH=/etc/docker\n",
        OLDEST,
        NEWEST,
        name="G1 RHEL: options in /etc/sysconfig/docker, with a broken line above them",
        text="# Modify these options\n^OPTIONS='--selinux-enabled'\n"
        f"OPTIONS='--log-driver=json-file {FLAG}'\nDOCKER_CERT_PATH=/etc/docker\n",
        files={DROP_IN: RHEL},
    ),
    by_migration(
        MACHINE,
        3,
        AS_MACHINE.format("--bip=10.66.0.1/16"),
        MIDDLE,
        name="G2 docker-machine: its drop-in, and an empty Environment= at its end",
        text=AS_MACHINE.format(f"--registry-mirror {OLD} --bip=10.66.0.1/16"),
    ),
    by_migration(
        UNIT,
        6,
        unit_with(DOCKERD),
        NEWEST,
        name="G3 a copy of the unit with a flag",
        text=COPIED,
    ),
    by_migration(
        DROP_IN,
        3,
        HEREDOC.replace(f" {FLAG}", ""),
        OLDEST,
        name="G4 a drop-in that a script wrote with its own indentation",
        text=HEREDOC,
    ),
    Row(
        "G5 docker-machine: a command line of an old release, which no engine has any more",
        (MIDDLE,),
        {MACHINE: service("ExecStart=", f"ExecStart=/usr/bin/docker daemon -H fd:// {FLAG}", "Environment=")},
        [
            info(mirrors=shown([OLD]), drift=True, in_force=[]),
            present(refused=[f"{MACHINE}, line 3"]),
        ],
        engine="ran before",
        starts=FAILS,
    ),
    Row(
        "G6 a flag that someone put into the unit of the package",
        (NEWEST,),
        {PACKAGED: unit_with(f"{DOCKERD} {FLAG}")},
        [
            present(refused=[f"{PACKAGED}, line 6"]),
            present({"migrate": True}, refused=[f"{PACKAGED}, line 6", "file of a package"]),
        ],
        by_hand={FILE: BOTH},
    ),
    Row(
        "G7 a flag in a file among the links of multi-user.target, which systemd does not read",
        (OLDEST,),
        {"/etc/systemd/system/multi-user.target.wants/docker.service": COPIED},
        [info(mirrors=[], drift=False), present(changed=True, reloaded=True, pending="none")],
        starts=[NEW],
    ),
    Row(
        "G8 a drop-in with a flag that systemd has not read yet",
        (MIDDLE,),
        {},
        [
            do(lambda host: host.write(DROP_IN, command(f"{DOCKERD} {FLAG}").encode())),
            info(mirrors=shown([OLD]), in_force=[], drift=True),
            present(refused=[f"{DROP_IN}, line 3", "at its next start"]),
            do(lambda host: host.write(DROP_IN, None)),
        ],
    ),
    Row(
        "G9 NVIDIA: a runtime, and it is the default",
        (MIDDLE, NEWEST),
        {
            "/usr/bin/nvidia-container-runtime": '#!/bin/sh\nexec runc "$@"\n',
            FILE: '{\n    "default-runtime": "nvidia",\n    "runtimes": {\n        "nvidia": {\n'
            '            "args": [],\n            "path": "nvidia-container-runtime"\n        }\n    }\n}\n',
        },
        [present(changed=True, reloaded=True, pending="none")],
        starts=[NEW],
    ),
    Row(
        "G10 NVIDIA: a merge by hand that ends the file in the middle",
        (OLDEST,),
        {
            FILE: f'{{\n  "registry-mirrors": ["{OLD}"],\n  "insecure-registries": ["10.142.0.1:5006"] }},\n'
            '  "data-root": "/srv/docker"\n}\n'
        },
        [present(refused=[f"{FILE}, line 3", "23.0"])],
        starts=[OLD],
    ),
    Row(
        "G11 the same on an engine that refuses it",
        (MIDDLE,),
        {FILE: f'{{\n  "registry-mirrors": ["{OLD}"] }},\n  "data-root": "/srv/docker"\n}}\n'},
        [info(in_force=[], drift=None), present(refused=[f"{FILE}, line 2"])],
        engine="ran before",
        starts=FAILS,
    ),
    Row(
        "G12 SUSE in a cloud: a mirror without a scheme",
        ALL,
        {FILE: '{\n  "registry-mirrors": [\n    "registry.example.com"\n  ]\n}\n'},
        [
            present(refused=[f"{FILE}, line 3"]),
            present({"exclusive": True}, changed=True, reloaded=True, mirrors=shown([NEW])),
        ],
        engine="ran before",
        starts=[NEW],
    ),
    Row(
        "G13 what engines say of a mirror without a scheme",
        ALL,
        {},
        [],
        by_hand={FILE: '{"registry-mirrors": ["registry.example.com"]}'},
    ),
]


VENDOR_CONFIG = "/var/packages/ContainerManager/etc/dockerd.json"
VENDOR_UNIT = "/etc/systemd/system/pkg-ContainerManager-dockerd.service"


def vendor_unit_starts(host: Any) -> None:
    host.run("systemctl", "stop", "docker.socket", "docker.service", check=False)
    host.run("systemctl", "start", "pkg-ContainerManager-dockerd.service")
    wait_until(host.answers, 60)


def vendor_unit_stops(host: Any) -> Generator:
    yield
    host.run("systemctl", "stop", "pkg-ContainerManager-dockerd.service", check=False)


ALPINE = """#!/sbin/openrc-run
command="/usr/sbin/dockerd"
command_args="${DOCKER_OPTS}"
command_background=true
pidfile="/run/docker-openrc.pid"
output_log="/var/log/docker.log"
error_log="/var/log/docker.log"
"""
INIT, CONF_D = "/etc/init.d/docker", "/etc/conf.d/docker"
FLATCAR = "/usr/lib/flatcar/dockerd"
QNAP = "/share/CE_CACHEDEV1_DATA/.qpkg/container-station/etc/docker.json"
WSL_SOCKET = "/mnt/wsl/shared-docker/docker.sock"
PROXY = service('Environment="HTTPS_PROXY=http://ci:p%%40ss@proxy.example.com:3128" "NO_PROXY=localhost,.example.com"')
BOM = b"\xef\xbb\xbf"


def wsl(host: Any) -> Generator:
    host.run("mkdir", "-p", WSL_SOCKET.rpartition("/")[0])
    host.write(FILE, json.dumps({"hosts": [f"unix://{WSL_SOCKET}"], "iptables": False}).encode())
    with started_by_hand(host):
        yield


HOSTS += [
    Row(
        "G14 Synology: a unit and a file of the vendor",
        (MIDDLE,),
        {
            VENDOR_CONFIG: '{"log-driver":"json-file"}',
            VENDOR_UNIT: service(f"ExecStart=/usr/sbin/dockerd --config-file {VENDOR_CONFIG} -H unix://{SOCKET}"),
            UNIT: Link("/dev/null"),
        },
        [
            do(vendor_unit_starts),
            info(state="running", path=VENDOR_CONFIG, mirrors=[], drift=False),
            present(changed=True, reloaded=True, path=VENDOR_CONFIG),
            present({"service": "pkg-ContainerManager-dockerd"}, changed=False, path=VENDOR_CONFIG),
        ],
        engine="stopped",
        around=vendor_unit_stops,
    ),
    Row(
        "G15 QNAP: a file of the vendor, and a script that starts the engine",
        (SYSVINIT,),
        {},
        [info(state="running", path=QNAP), present(changed=True, reloaded=True, path=QNAP)],
        engine="stopped",
        around=by_hand("--config-file", QNAP, files={QNAP: "{}\n"}),
    ),
    Row(
        "G16 Alpine: a flag in /etc/conf.d",
        (OPENRC,),
        {INIT: ALPINE, CONF_D: f'# Site\nDOCKER_OPTS="--log-level=info {FLAG}"\n'},
        [
            info(state="running", mirrors=shown([OLD]), drift=False),
            present(refused=[f"{CONF_D}, line 2", "migrate: true"]),
            present({"migrate": True}, changed=True, pending="restart"),
        ],
        holds={CONF_D: b'# Site\nDOCKER_OPTS="--log-level=info"\n'},
        starts=[OLD, NEW],
    ),
    Row(
        "G17 Fedora CoreOS: flags for the log and for live-restore",
        (NEWEST,),
        {
            SYSCONFIG: 'OPTIONS="--log-driver=json-file --live-restore --default-ulimit nofile=1024:1024"\n',
            DROP_IN: service("EnvironmentFile=-/etc/sysconfig/docker", "ExecStart=", f"ExecStart={DOCKERD} $OPTIONS"),
        },
        [
            settings({"log-driver": "local"}, refused=["--log-driver", f"{SYSCONFIG}, line 1"]),
            present(changed=True, reloaded=True, pending="none"),
        ],
        starts=[NEW],
    ),
    Row(
        "G18 Flatcar: a script starts the engine, and a drop-in sets its variable",
        (MIDDLE,),
        {
            FLATCAR: '#!/bin/bash\n# Prepares the host.\nexec /usr/sbin/dockerd "$@"\n',
            DROP_IN: service(
                f"Environment=DOCKER_OPTS={FLAG}", "ExecStart=", f"ExecStart={FLATCAR} -H fd:// $DOCKER_OPTS"
            ),
        },
        [info(mirrors=shown([OLD]), drift=False), present(refused=[f"{DROP_IN}, line 2"])],
        by_hand={FILE: BOTH},
    ),
    Row(
        "G19 Flatcar: only the script",
        (NEWEST,),
        {
            FLATCAR: '#!/bin/bash\n# Prepares the host.\nexec /usr/sbin/dockerd "$@"\n',
            DROP_IN: command(f"{FLATCAR} -H fd:// $DOCKER_OPTS"),
        },
        [present(changed=True, reloaded=True, pending="none")],
        starts=[NEW],
    ),
    Row(
        "G20 a CI runner: a cache over http on a private address",
        (OLDEST, CONTAINERD),
        {
            FILE: '{"mtu": 1460, "insecure-registries": ["10.0.0.5:5000"], "registry-mirrors": ["http://10.0.0.5:5000"],'
            ' "features": {"containerd-snapshotter": true}}'
        },
        [present(changed=True, reloaded=True, mirrors=["http://10.0.0.5:5000/", f"{NEW}/"])],
        starts=["http://10.0.0.5:5000", NEW],
    ),
    Row(
        "G21 WSL: an address in the file, and an engine that a shell starts",
        (SYSVINIT,),
        {},
        [info(state="running"), present(changed=True, reloaded=True)],
        engine="stopped",
        around=wsl,
        socket=WSL_SOCKET,
    ),
    Row(
        "G22 WSL: a file that an editor of Windows saved",
        (MIDDLE, NEWEST),
        {FILE: BOM + b'{\r\n  "debug": false\r\n}\r\n'},
        [present(changed=True, reloaded=True)],
        holds={
            FILE: BOM
            + b'{\r\n  "debug": false,\r\n  "registry-mirrors": [\r\n    "https://new.example.com"\r\n  ]\r\n}\r\n'
        },
        starts=[NEW],
    ),
    Row(
        "G23 the same on an engine that refuses it",
        (OLDEST,),
        {FILE: BOM + b"{}\r\n"},
        [present(refused=[FILE, "byte order mark"])],
        engine="ran before",
        starts=FAILS,
    ),
    Row(
        "G24 cloud-init: addresses in the file, and the unit has one too",
        ALL,
        {FILE: '{\n  "hosts": ["fd://", "tcp://127.0.0.1:2375"]\n}\n'},
        [
            info(says=[f"An engine with hosts in more than one of {FILE}, line 2", "docker.service, line 1"]),
            present(refused=[f"{FILE}, line 2", "-H"]),
        ],
        engine="ran before",
        starts=FAILS,
    ),
    Row(
        "G25 the same with a drop-in that takes the address of the unit away",
        (MIDDLE,),
        {FILE: '{\n  "hosts": ["fd://", "tcp://127.0.0.1:2375"]\n}\n', DROP_IN: command("/usr/sbin/dockerd")},
        [present(changed=True, reloaded=True)],
        starts=[NEW],
    ),
    Row(
        "G26 a proxy with a password, and a percent sign",
        (OLDEST, NEWEST),
        {DROP_IN: PROXY},
        [info(silent=["p@ss", "p%40ss"]), present(changed=True, reloaded=True, silent=["p@ss", "p%40ss"])],
        starts=[NEW],
    ),
    Row(
        "G27 quotes inside of the options",
        (OLDEST, MIDDLE),
        {OPTIONS: f"DOCKER_OPTS=\"--registry-mirror='{OLD}' --bip=10.66.0.1/16\"\n"},
        [
            info(mirrors=shown([OLD]), drift=False),
            present(refused=[f"{OPTIONS}, line 1"]),
            present({"migrate": True}, refused=[f"{OPTIONS}, line 1"]),
        ],
        by_hand={FILE: BOTH},
    ),
    Row(
        "G28 the vendor's own line for a shell, under systemd",
        ALL,
        {OPTIONS: f'DOCKER_OPTS="$DOCKER_OPTS {FLAG}"\n'},
        [
            info(conflicts_at=[f"{OPTIONS}, line 1"]),
            present(refused=[f"{OPTIONS}, line 1", "which systemd does not expand"]),
        ],
        engine="ran before",
        starts=FAILS,
    ),
    Row(
        "G29 the vendor's own line, under a shell",
        (SYSVINIT,),
        {OPTIONS: f'DOCKER_OPTS="$DOCKER_OPTS {FLAG}"\n'},
        [
            info(mirrors=shown([OLD]), drift=False),
            present(refused=[f"{OPTIONS}, line 1", "migrate: true"]),
            present({"migrate": True}, changed=True, pending="restart"),
        ],
        starts=[OLD, NEW],
    ),
    Row(
        "G30 a drop-in of a package that the administrator masks",
        (NEWEST,),
        {
            "/usr/lib/systemd/system/docker.service.d/10-site.conf": command(f"{DOCKERD} {FLAG}"),
            DROP_IN: Link("/dev/null"),
        },
        [info(mirrors=[], drift=False, in_force=[]), present(changed=True, reloaded=True, pending="none")],
        starts=[NEW],
    ),
    Row(
        "G31 a drop-in for all services",
        (OLDEST,),
        {"/etc/systemd/system/service.d/10-all.conf": service(f"Environment=DOCKER_OPTS={FLAG}")},
        [
            info(mirrors=shown([OLD]), drift=False),
            present(refused=["/etc/systemd/system/service.d/10-all.conf, line 2"]),
        ],
        by_hand={FILE: BOTH},
    ),
    Row(
        "G32 dotfiles: the file is a link into a folder of root",
        (MIDDLE,),
        {"/root/dotfiles/daemon.json": '{\n\t"debug": false\n}\n', FILE: Link("/root/dotfiles/daemon.json")},
        [present(changed=True, reloaded=True)],
        holds={
            FILE: Link("/root/dotfiles/daemon.json"),
            "/root/dotfiles/daemon.json": b'{\n\t"debug": false,\n\t"registry-mirrors": [\n\t\t"https://new.example.com"\n\t]\n}\n',
        },
        starts=[NEW],
    ),
    Row(
        "G33 one mirror as text",
        ALL,
        {FILE: f'{{\n  "debug": false,\n  "registry-mirrors": "{OLD}"\n}}\n'},
        [present(refused=[f"{FILE}, line 3"])],
        engine="ran before",
        starts=FAILS,
    ),
    Row(
        "G34 one mirror twice",
        (OLDEST, NEWEST),
        {FILE: configured(f"{OLD}/", OLD)},
        [info(mirrors=shown([OLD]), drift=False), absent(changed=True, in_force=[])],
        starts=[],
    ),
    Row(
        "G35 the name of the flag as a key, which engines ignore",
        ALL,
        {FILE: f'{{\n  "registry-mirror": ["{OLD}"]\n}}\n'},
        [info(in_force=[]), present(refused=[f"{FILE}, line 2", "registry-mirrors"])],
        starts=[],
    ),
    Row(
        "G36 kubeadm: a file with many settings",
        (OLDEST, MIDDLE),
        {
            FILE: '{"exec-opts":["native.cgroupdriver=systemd"],"log-driver":"json-file","log-opts":{"max-size":"100m",'
            '"max-file":"3"},"storage-driver":"overlay2","bridge":"none","max-concurrent-downloads":10}'
        },
        [present(changed=True, reloaded=True, pending="none", silent=["also applies"])],
        starts=[NEW],
    ),
    Row(
        "G37 OpenMediaVault: the data is behind a link",
        (NEWEST,),
        {FILE: '{\n  "data-root": "/srv/docker"\n}\n', "/srv/docker": Link("/var/lib/docker")},
        [present(changed=True, reloaded=True, silent=["also applies"])],
        starts=[NEW],
    ),
]

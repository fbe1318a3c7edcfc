# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""On a host of the lab: kill the module registry_mirrors at each call and at random instants, and check what is left.

    kill.py FOLDER <JOB >REPORT

FOLDER holds the real module with the real module_utils, as Ansible sent them and its wrapper's ``explode`` unpacked
them. A process that has imported them forks for each run. A run therefore does not have to start Python, and its calls
differ little from one run to the next.

strace lists the calls of an undisturbed run, from its first open for writing in a configuration folder to its exit.
This part is the span. Then a run is killed at each call of the span. strace counts calls by name, so a call is
addressed as the K-th of its name. The trace of the killed run must then equal the list up to this call. If it does not,
because the engine took longer or the number of calls before the span differs, the result is still checked, the kill
counts as one elsewhere, and it is tried again with a neighbouring K. If only calls that change something are tried,
only they are compared: the engine decides how often the module polls it, and the files do not change between those
calls.

If SIGKILL comes at the entry of a call, the kernel does not execute the call, because it checks for a fatal signal
between the stop at the entry and the call (``is_before_the_call`` checks this on the running kernel). A kill at a call
is therefore also a kill after the previous call. The last call is ``exit_group``, after which there is nothing to kill.
Calls of child processes (``journalctl``) are not calls of the module, which is killed while it waits for them.

The checks never use the module. They read the files, the engine's socket and /proc. After each kill:

- the files together are in one of the states listed here: old, new, or between two writes;
- if mirrors are in no file because they are being moved, the staged file has exactly the target's text, and only its
  owner can read it;
- the engine is the same process, with the old or the new mirrors in force, and its container is the same process;
- an undisturbed run converges, another one reports ``changed: false`` and changes nothing, and no temporary file is
  left.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import glob
import importlib
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time

from typing import NamedTuple

COLLECTION = "ansible_collections.pullthrough.docker.plugins"
WORK = "/run/crash"
DAEMON, OPTIONS = "/etc/docker/daemon.json", "/etc/default/docker"
MIRROR = "https://mirror.gcr.io"
PREFIX = ".pullthrough-docker-"
ATTEMPTS = 60
SHIFTS = (0, 1, -1, 2, -2)
IN_CREATE = 0x100

WITHOUT = b'{\n\t"log-level": "info"\n}\n'
WITH = b'{\n\t"log-level": "info",\n\t"registry-mirrors": [\n\t\t"https://mirror.gcr.io"\n\t]\n}\n'
NONE = b'{\n\t"log-level": "info",\n\t"registry-mirrors": []\n}\n'
NEW = b'{\n  "registry-mirrors": [\n    "https://mirror.gcr.io"\n  ]\n}\n'
FLAG = b'# Options\nDOCKER_OPTS="--debug --registry-mirror=https://mirror.gcr.io"\n'
NO_FLAG = b'# Options\nDOCKER_OPTS="--debug"\n'


class Step(NamedTuple):
    """A run of the module: its options, the files before, between and after its writes, and what is then pending."""

    options: dict
    states: list
    pending: str = "none"


class Case(NamedTuple):
    """Steps that each begin where the previous one ended, so the files need not be written for each kill."""

    running: bool
    attributes: dict
    steps: list


def files(daemon, options=None):
    return {DAEMON: daemon, **({OPTIONS: options} if options else {})}


KEPT = {DAEMON: (0o640, 0, 4), OPTIONS: (0o604, 0, 4)}
ADD, REMOVE = {"mirrors": [MIRROR]}, {"mirrors": [MIRROR], "state": "absent"}
MOVE = {"mirrors": [MIRROR], "migrate": True, "keep_containers": False}
TO_FILE = Step(MOVE, [files(WITHOUT, FLAG), files(WITHOUT, NO_FLAG), files(WITH, NO_FLAG)], "restart")
TO_FLAG = Step({**MOVE, "source": "options_file"}, TO_FILE.states[::-1])
CASES = {
    # Removing takes two writes: an engine keeps its mirrors at a reload that does not name others.
    "one file, by a reload": Case(
        True, KEPT, [Step(ADD, [files(WITHOUT), files(WITH)]), Step(REMOVE, [files(WITH), files(NONE), files(WITHOUT)])]
    ),
    "one file, engine stopped": Case(
        False, KEPT, [Step(ADD, [files(WITHOUT), files(WITH)]), Step(REMOVE, [files(WITH), files(WITHOUT)])]
    ),
    "no file yet, engine stopped": Case(False, {DAEMON: (0o644, 0, 0)}, [Step(ADD, [files(None), files(NEW)])]),
    # The engine runs with the flag all the time.
    "DOCKER_OPTS to daemon.json and back": Case(True, KEPT, [TO_FILE, TO_FLAG]),
}


# -- running the module ------------------------------------------------------------------------------------------------


def serve(folder, gate):
    """Fork a run of the module for each line of options. A run begins when the gate has a byte."""
    sys.path.insert(0, folder)
    loader = importlib.import_module("ansible.module_utils._internal._ansiballz._loader")
    for name in ("_change.plan_mirrors", "_change.task"):
        importlib.import_module(f"{COLLECTION}.module_utils.{name}")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            for descriptor, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(f"{WORK}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
            os.readv(gate, [bytearray(1)])  # Not read(), because strace would count it as a call of the module.
            arguments = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(line)}).encode()
            loader.run_module(
                json_params=arguments,
                profile="legacy",
                module_fqn=f"{COLLECTION}.modules.registry_mirrors",
                modlib_path=folder,
                extensions={},
            )
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


class Runner:
    """The process that forks, and one run of it at a time."""

    def __init__(self, folder):
        readable, self._gate = os.pipe()
        words = [sys.executable, __file__, "serve", folder, str(readable)]
        # On a real host the module's code is in an archive, so it never writes bytecode.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self._server = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[readable], env=environment
        )
        os.close(readable)

    def fork(self, options):
        """Start a run that waits at the gate, and return its pid."""
        print(json.dumps(options), file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline())

    def go(self):
        os.write(self._gate, b"x")

    def wait(self):
        """Return the exit status of the run, as waitpid does."""
        return int(self._server.stdout.readline())

    def undisturbed(self, options):
        """Return the result of a run that is not killed."""
        self.fork(options)
        self.go()
        self.wait()
        with open(f"{WORK}/out", encoding="utf-8") as out, open(f"{WORK}/err", encoding="utf-8") as err:
            output = out.read()
            try:
                return json.loads(output)
            except ValueError:
                return {"failed": True, "msg": output + err.read()}

    def traced(self, options, *arguments):
        """Return the lines of the trace of a run."""
        pid = self.fork(options)
        words = ["strace", "-y", "-s", "64", "-o", f"{WORK}/trace", "-p", str(pid), *arguments]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
            line = strace.stderr.readline()
            if "attached" not in line:
                raise RuntimeError(line + strace.stderr.read())
            self.go()
            self.wait()
            strace.communicate()
        with open(f"{WORK}/trace", encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()


# -- traces ------------------------------------------------------------------------------------------------------------


class Call(NamedTuple):
    """A system call of the span: the ``count``-th of its name in the run."""

    name: str
    count: int
    text: str


def span_of(trace, folders):
    """Return the calls from the first open for writing in one of the folders to the end of the run."""
    counts = collections.Counter()
    calls = []
    watched = "|".join(map(re.escape, folders))
    first = re.compile(rf'open(?:at)?\(.*"(?:{watched})/.*O_(?:CREAT|WRONLY|RDWR)')
    for line in trace:
        name = re.match(r"(\w+)\(", line)
        if not name or name[1] == "readv":
            continue
        counts[name[1]] += 1
        if calls or first.match(line):
            calls.append(Call(name[1], counts[name[1]], line))
    return calls


def names(calls):
    return [call.name for call in calls]


CHANGING = frozenset(
    "rename renameat2 unlink unlinkat link mkdir rmdir chmod fchmod chown fchown fsync fdatasync ftruncate sendfile "
    "copy_file_range kill".split()
)


def changes(call, folders):
    """Return whether a call changes a file or the engine, or is the last one."""
    if call.name == "exit_group":
        return True
    if re.search(r"= -1 E", call.text):
        return False
    if call.name == "openat":
        return re.search(r"O_(?:CREAT|WRONLY|RDWR)", call.text) is not None
    if call.name == "write":
        return any(f"<{folder}/" in call.text for folder in folders)
    return call.name in CHANGING


def syncs(calls):
    """Return how many files were replaced, and what is wrong with it.

    The data must be synced before the rename, and the folder directly after it.
    """
    wrong, written, waiting = [], {}, None
    replaced = 0
    for call in calls:
        path = re.match(r"\w+\(\d+<([^>]*)>", call.text)
        if call.name == "write" and path:
            written[path[1]] = False
        elif call.name == "fsync" and path:
            written[path[1]] = True
            if waiting and path[1] == os.path.dirname(waiting):
                waiting = None
        elif call.name in ("rename", "unlink", "kill", "exit_group") and "= -1 E" not in call.text:
            if waiting:
                wrong.append(f"the folder of {waiting} is not synced before {call.name}")
            waiting = None
            if call.name == "rename":
                source, target = re.findall(r'"([^"]*)"', call.text)
                if not written.get(source):
                    wrong.append(f"{source} is not synced before it becomes {target}")
                if not target.endswith("~"):  # A backup replaces no file.
                    waiting = target
                    replaced += 1
    return replaced, wrong


# -- the checks --------------------------------------------------------------------------------------------------------


def content(path):
    """Return the bytes, mode, owner and group of a file, or None."""
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            return file.read(), found.st_mode & 0o7777, found.st_uid, found.st_gid
    except FileNotFoundError:
        return None


def engines():
    """Return the pids of engines.

    A process that checks a file for a killed module, or prints its version, is not an engine. A zombie has a name but
    no words.
    """
    found = set()
    for path in glob.glob("/proc/[0-9]*/comm"):
        with contextlib.suppress(OSError), open(path, encoding="utf-8") as comm, open(
            f"{os.path.dirname(path)}/cmdline", "rb"
        ) as cmdline:
            words = set(cmdline.read().split(b"\0"))
            if comm.read().strip() == "dockerd" and words != {b""} and not words & {b"--validate", b"--version"}:
                found.add(int(path.split("/")[2]))
    return found


def started(pid):
    """Return when a process started, which identifies it together with its pid, or None if it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return None


def engine_mirrors():
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect("/var/run/docker.sock")
        connection.sendall(b"GET /info HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return json.loads(answer.partition(b"\r\n\r\n")[2])["RegistryConfig"]["Mirrors"] or []


class Lab:
    """The host in one case: it is set up, checked and set up again."""

    def __init__(self, case, runner):
        self.case, self.runner = case, runner
        self.paths = list(case.steps[0].states[0])
        self.folders = [os.path.dirname(path) for path in self.paths]
        self.start()
        self.calm = self.besides()

    @staticmethod
    def shell(*words):
        return subprocess.run(
            words, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ).stdout.strip()

    def start(self):
        """Stop the engine, write the initial files, and start the engine if it runs in this case."""
        self.shell("systemctl", "stop", "docker.service", "docker.socket")
        self.write(self.case.steps[0].states[0])
        self.shell("systemctl", "reset-failed", "docker.service", "docker.socket")
        self.shell("systemctl", "start", "docker.socket")
        self.alive = {}
        if self.case.running:
            self.shell("systemctl", "start", "docker.service")
            self.shell("docker", "start", "witness")
            container = self.shell("docker", "inspect", "--format", "{{.State.Pid}}", "witness")
            with open("/run/docker.pid", encoding="utf-8") as file:
                self.alive = {pid: started(pid) for pid in (file.read().strip(), container)}

    def write(self, state):
        """Write the files of a state, and remove leftovers beside them."""
        for path, data in state.items():
            folder = os.path.dirname(path)
            os.makedirs(folder, exist_ok=True)
            for leftover in [
                *glob.glob(f"{folder}/{PREFIX}*"),
                *glob.glob(f"{path}.*~"),
                *([path] if os.path.exists(path) else []),
            ]:
                os.unlink(leftover)
            if data is None:
                continue
            mode, user, group = self.case.attributes[path]
            with open(path, "wb") as file:
                file.write(data)
            os.chown(path, user, group)
            os.chmod(path, mode)

    def besides(self):
        """Return the other files in the folders, without the backups that a change with a restart keeps."""
        found = {
            os.path.join(folder, name)
            for folder in self.folders
            if os.path.isdir(folder)
            for name in os.listdir(folder)
        }
        return {path for path in found if path not in self.paths and not path.endswith("~")}

    def state(self, step):
        """Return the index of the state of the step that the files are in, or None if they are in none of them."""
        found = {path: content(path) for path in self.paths}
        for index, state in enumerate(step.states):
            if all(
                found[path] == (None if data is None else (data, *self.case.attributes[path]))
                for path, data in state.items()
            ):
                return index
        return None

    def mirrors_at(self, step, index):
        """Return the mirrors in force with the files of a state. A flag stays in force until a restart."""
        flagged = any(FLAG in state.values() for state in step.states)
        return [f"{MIRROR}/"] if flagged or WITH in step.states[index].values() else []

    def after_a_kill(self, step):
        """Return the state of the files, and what is wrong."""
        wrong = []
        index = self.state(step)
        if index is None:
            wrong.append(f"the files are torn: { {path: content(path) for path in self.paths} }")
        elif MIRROR.encode() not in b"".join(filter(None, step.states[index].values())) and len(self.paths) > 1:
            target = next(path for path in self.paths if step.states[index][path] != step.states[-1][path])
            staged = content(os.path.join(os.path.dirname(target), f"{PREFIX}moving-{os.path.basename(target)}"))
            if staged is None or staged[:2] != (step.states[-1][target], 0o600):
                wrong.append(f"the mirrors are in no file, and staged is {staged}")
        return index, wrong + self.alive_and([self.mirrors_at(step, 0), self.mirrors_at(step, -1)])

    def alive_and(self, in_force):
        """Return what is wrong with the container and the engine, which must have one of these lists in force."""
        if not self.case.running:
            return [f"an engine was started: {pid}" for pid in engines()]
        ended = [f"process {pid} has ended" for pid, when in self.alive.items() if when is None or started(pid) != when]
        mirrors = engine_mirrors()
        return ended + ([] if mirrors in in_force else [f"in force is {mirrors}"])

    def converge(self, step):
        """Run the module twice without a kill, and return what is wrong."""
        wrong = []
        for turn in ("the next run", "a further run"):
            before = [content(path) and os.stat(path) for path in self.paths]
            result = self.runner.undisturbed(step.options)
            wanted = self.mirrors_at(step, -1)
            listed = [f"{MIRROR}/"] if MIRROR.encode() in b"".join(filter(None, step.states[-1].values())) else []
            expected = {"mirrors": listed, "in_force": wanted if self.case.running else None, "pending": step.pending}
            if result.get("failed") or any(result[key] != value for key, value in expected.items()):
                wrong.append(f"{turn} does not converge: {result.get('msg') or {key: result[key] for key in expected}}")
            if self.state(step) != len(step.states) - 1:
                wrong.append(f"{turn} leaves other files: { {path: content(path) for path in self.paths} }")
            if self.besides() - self.calm:
                wrong.append(f"{turn} leaves {sorted(self.besides() - self.calm)}")
            wrong += [f"{turn}: {fault}" for fault in self.alive_and([wanted])]
            if turn == "a further run" and (
                result.get("changed") or before != [content(path) and os.stat(path) for path in self.paths]
            ):
                wrong.append("a further run changes something")
        for path in self.paths:
            for copy in glob.glob(f"{path}.*~"):
                os.unlink(copy)
        return wrong


# -- kills -------------------------------------------------------------------------------------------------------------


class Watch:
    """Wait with inotify for the first new file in one of the folders."""

    def __init__(self, folders):
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_CLOEXEC)
        for folder in folders:
            if libc.inotify_add_watch(self._descriptor, folder.encode(), IN_CREATE) < 0:
                raise OSError(ctypes.get_errno(), folder)

    def wait(self):
        """Wait for the file."""
        if not select.select([self._descriptor], [], [], 60)[0]:
            raise RuntimeError("the module makes no file")

    def close(self):
        os.close(self._descriptor)


class Trial:
    """All kills of one case."""

    def __init__(self, name, job, runner):
        self.name, self.job, self.runner = name, job, runner
        self.case = CASES[name]
        self.lab = Lab(self.case, runner)
        self.turn = 0
        self.faults = []

    @property
    def step(self):
        return self.case.steps[self.turn]

    def next(self):
        """Go on to the next step. If there is only one, write its initial files."""
        self.turn = (self.turn + 1) % len(self.case.steps)
        if len(self.case.steps) == 1:
            self.lab.write(self.step.states[0])

    def judge(self, where):
        """Check what a kill left, converge, and go on. Return the state of the files, leftovers and faults."""
        left = sorted(
            re.sub(rf"({re.escape(PREFIX)})(?!moving-).*", r"\1*", path) for path in self.lab.besides() - self.lab.calm
        )
        index, wrong = self.lab.after_a_kill(self.step)
        if not wrong:
            wrong = self.lab.converge(self.step)
        self.faults += [f"{self.name}, {where}: {fault}" for fault in wrong]
        if wrong:
            print(self.faults[-1], file=sys.stderr, flush=True)
            self.turn = 0
            self.lab.start()
        else:
            self.next()
        return {"files": index, "left": left, "wrong": wrong}

    @property
    def stops(self):
        return bool(self.faults) and self.job["stop"]

    def tries(self, call):
        """Return whether to kill a run at this call."""
        return self.job["calls"] == "all" or changes(call, self.lab.folders)

    def listings(self):
        """Return the calls of an undisturbed run of each step. If all calls count, use the most common of three."""
        found = [[] for _step in self.case.steps]
        for _turn in range((3 if self.job["calls"] == "all" else 1) * len(self.case.steps)):
            found[self.turn].append(span_of(self.runner.traced(self.step.options), self.lab.folders))
            state = self.lab.state(self.step)
            if state != len(self.step.states) - 1:
                raise RuntimeError(
                    f"{self.name}: undisturbed, the module leaves {state}: {self.runner.undisturbed(self.step.options)}"
                )
            for path in self.lab.paths:
                for copy in glob.glob(f"{path}.*~"):
                    os.unlink(copy)
            self.next()
        return [
            max(listings, key=lambda calls: [names(other) for other in listings].count(names(calls)))
            for listings in found
        ]

    def at_calls(self):
        """Kill at each call of each step."""
        listings = self.listings()
        synced = [syncs(calls) for calls in listings]
        self.faults += [f"{self.name}: {fault}" for _replaced, wrong in synced for fault in wrong]
        todo = []
        for calls in listings:
            todo.append(collections.deque((n, 1, call.count) for n, call in enumerate(calls) if self.tries(call)))
        report = [
            [{"call": readable(call), "changes": changes(call, self.lab.folders)} for call in calls]
            for calls in listings
        ]
        elsewhere = 0
        while any(todo) and not self.stops:
            if not todo[self.turn]:
                self.runner.undisturbed(self.step.options)
                self.next()
                continue
            turn, (n, attempt, expected) = self.turn, todo[self.turn].popleft()
            call = listings[turn][n]
            count = max(expected + SHIFTS[(attempt - 1) % len(SHIFTS)], 1)
            trace = self.runner.traced(self.step.options, "-e", f"inject={call.name}:signal=KILL:when={count}")
            calls = span_of(trace, self.lab.folders)
            compared, wanted = (
                [other for other in those if self.tries(other)] for those in (calls, listings[turn][: n + 1])
            )
            reached = (
                names(compared) == names(wanted)
                and compared[-1] == calls[-1]
                and trace[-1] == "+++ killed by SIGKILL +++"
            )
            outcome = self.judge(f"step {turn + 1}, killed at call {n + 1}, {call.text}")
            if reached:
                report[turn][n].update(outcome)
            else:
                elsewhere += 1
                # A run that waited longer or shorter has another number of calls before this one: expect its number.
                passed = compared[: len(wanted)]
                if names(passed) == names(wanted):
                    expected = passed[-1].count
                if attempt < ATTEMPTS:
                    todo[turn].append((n, attempt + 1, expected))
        return {"steps": report, "elsewhere": elsewhere, "replaced": [replaced for replaced, _wrong in synced]}

    def span(self):
        """Return the seconds of the longest span of four undisturbed runs."""
        longest = 0.0
        for _turn in range(4):
            watch = Watch(self.lab.folders)
            self.runner.fork(self.step.options)
            self.runner.go()
            watch.wait()
            began = time.monotonic()
            self.runner.wait()
            longest = max(longest, time.monotonic() - began)
            watch.close()
            self.next()
        return longest

    def at_instants(self, number, generator):
        """Kill at random instants of the span, and count the kills that came in time."""
        longest = self.span()
        killed, late, states = 0, 0, collections.Counter()
        while killed < number and not self.stops:
            watch = Watch(self.lab.folders)
            pid = self.runner.fork(self.step.options)
            process = os.pidfd_open(pid)
            delay = generator.uniform(0, longest)
            self.runner.go()
            watch.wait()
            time.sleep(delay)
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
            status = self.runner.wait()
            os.close(process)
            watch.close()
            turn = self.turn
            outcome = self.judge(f"step {turn + 1}, killed after {delay:.6f} s")
            if os.WIFSIGNALED(status):
                killed += 1
                states[f"step {turn + 1}: files {outcome['files']}, left {len(outcome['left'])}"] += 1
            else:
                late += 1
        return {"killed": killed, "late": late, "span": round(longest, 4), "states": dict(sorted(states.items()))}


def readable(call):
    """Return a call without the parts that differ from run to run."""
    text = re.sub(rf"({re.escape(PREFIX)})(?!moving-)\w+", r"\1*", call.text)
    return re.sub(r"socket:\[\d+\]", "socket", text)[:160]


def is_before_the_call():
    """Return whether a call is not executed if strace kills at its entry."""
    path = f"{WORK}/made"
    done = subprocess.run(
        ["strace", "-o", "/dev/null", "-e", "inject=mkdir:signal=KILL:when=1", "mkdir", path], check=False
    )
    return done.returncode == -signal.SIGKILL and not os.path.exists(path)


def main(folder):
    job = json.load(sys.stdin)
    os.makedirs(WORK, exist_ok=True)
    runner = Runner(folder)
    report = {
        "cases": {},
        "faults": [] if is_before_the_call() else ["this kernel executes the call at whose entry the kill comes"],
    }
    for name, instants in job["cases"].items():
        began = time.monotonic()
        trial = Trial(name, job, runner)
        found = trial.at_calls()
        if instants and not trial.stops:
            found["instants"] = trial.at_instants(instants, random.Random(f"{job['seed']} {name}"))
        found["seconds"] = round(time.monotonic() - began)
        report["cases"][name] = found
        report["faults"] += trial.faults
    json.dump(report, sys.stdout)


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    main(sys.argv[1])

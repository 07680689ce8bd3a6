# SPDX-License-Identifier: Apache-2.0
"""The agent under test, as a process on the node."""

import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.error
import urllib.request

import manifests
import network
import node

BUILD = pathlib.Path(os.environ.get("SHUNT_BUILD", "build/dev"))
SHUNTD = str(BUILD / "userspace/agent/shuntd")
HEALTH = "http://127.0.0.1:10256"
METRICS = "http://127.0.0.1:10249/metrics"
_SAMPLE = re.compile(r"^([a-z_:]+)(\{[^}]*\})? (\S+)$", re.MULTILINE)


class Agent:
    """shuntd with `flags` that name its API server; its files are below `directory`.

    It has the capabilities of the DaemonSet's container, and runs in the node's namespaces, in a cgroup of its own below
    the one that it serves.
    """

    def __init__(self, directory, flags, name=network.NODE_NAME):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / "shuntd.log"
        self.socket = self.directory / "admin.sock"
        self._places = ["--bpffs", "/sys/fs/bpf", "--cgroup", str(node.cgroup(node.NODE))]
        bounds = ",".join(["-all", *(f"+{name.lower()}" for name in manifests.capabilities())])
        self.command = [
            "setpriv", "--no-new-privs", "--bounding-set", bounds, SHUNTD, "run", "--node-name", name, *self._places,
            "--admin-socket", str(self.socket), "--state-dir", str(self.directory / "state"),
            "--log-format", "text", "-v", "4", *map(str, flags)]
        self.process = None

    def start(self, environment=None):
        """Starts it and returns at once; wait_synced waits until it serves."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, **(environment or {})}, preexec_fn=node.entering(node.cgroup(node.AGENT)))
        return self

    def stop(self):
        """Sends SIGTERM and returns its exit status. What it pinned stays."""
        return self._end(signal.SIGTERM)

    def kill(self):
        return self._end(signal.SIGKILL)

    def cleanup(self):
        """Removes everything from the kernel. REQUIRES: it is stopped."""
        subprocess.run([SHUNTD, "cleanup", *self._places], check=True, capture_output=True)

    def remove(self):
        """Ends it in any state, and removes what it pinned."""
        if self.process is not None:
            self.kill()
            self.cleanup()
            self.process = None

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def ask(self, *words):
        """Returns what shuntctl prints, decoded from JSON; None if it failed."""
        command = [BUILD / "tools/shuntctl/shuntctl", "-s", self.socket, "-j", *words]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        return json.loads(asked.stdout) if asked.returncode == 0 else None

    def status(self):
        """Returns {} if it does not answer."""
        return self.ask("status") or {}

    def served(self):
        """Returns "namespace/name" of every Service that has a frontend."""
        names = [each["name"] for each in self.ask("service", "list")["items"]
                 if any(port["frontends"] for port in each["ports"])]
        return {f"{name['namespaceName']}/{name['name']}" for name in names}

    def problems(self):
        """Returns the problems that it reports, such as an API server that does not answer."""
        return self.status().get("problems", [])

    def wait_synced(self, seconds=node.PATIENCE_SECONDS):
        node.eventually(lambda: self._is_synced(), self.log_tail, seconds)
        return self

    def metrics(self):
        """Returns the samples of /metrics as {'name{labels}': value}."""
        with urllib.request.urlopen(METRICS, timeout=10) as answer:
            text = answer.read().decode()
        return {name + labels: float(value) for name, labels, value in _SAMPLE.findall(text)}

    def metric(self, name, labels=""):
        """Returns the sum of the samples of `name` whose labels contain `labels`."""
        return sum(value for key, value in self.metrics().items()
                   if key.split("{")[0] == name and labels in key)

    def log_tail(self, lines=25):
        return "shuntd's log:\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _is_synced(self):
        if not self.runs():
            raise AssertionError(f"shuntd ended with {self.process.returncode}; {self.log_tail()}")
        return self.status().get("synced", False)

    def _end(self, how):
        if self.runs():
            self.process.send_signal(how)
        return self.process.wait(30)


def _other_clocks(**settings):
    library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return {"LD_PRELOAD": str(library), **settings}


def faster(times):
    """Returns the environment in which a process's clocks and timers run faster."""
    return _other_clocks(FAKETIME=f"+0 x{times}")


def jumping(file):
    """Returns the environment in which only a process's wall clock is off, by what `file` says then, such as "+1h"."""
    return _other_clocks(FAKETIME_TIMESTAMP_FILE=str(file), FAKETIME_NO_CACHE="1", DONT_FAKE_MONOTONIC="1",
                         FAKETIME_DONT_FAKE_MONOTONIC="1")


def health(path="", url=HEALTH):
    """Returns (status, body) of a page of the health server or of another one; (0, why) if it does not answer."""
    try:
        with urllib.request.urlopen(url + path, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)

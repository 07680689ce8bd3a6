# SPDX-License-Identifier: Apache-2.0
"""What runs on the node besides the agent: the pods behind it, and a workload that dials."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

import network

_HERE = pathlib.Path(__file__).parent
PATIENCE_SECONDS = 30


def cgroup(name):
    """Returns the path of a cgroup below the node's, which it creates if needed. The agent serves NODE."""
    path = pathlib.Path(os.environ["SHUNT_SANDBOX_CGROUP"]) / name
    path.mkdir(parents=True, exist_ok=True)
    return path


NODE = "node"  # what the agent attaches to
AGENT = "node/agent"  # what it runs in itself
WORKLOAD = "node/workload"


def entering(path):
    """For Popen's preexec_fn."""
    return lambda: (path / "cgroup.procs").write_text("0", encoding="ascii")


def eventually(check, what, seconds=PATIENCE_SECONDS):
    """Returns what `check` returned as soon as that is true. AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if result := check():
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def pods(*ports):
    """A context with servers on these TCP and UDP ports of every pod address."""
    return _across("pods.py", *ports)


def relay(port, to_port):
    """A context in which FAR_ADDRESS:port leads to the node's own `to_port`. REQUIRES: network.join_far."""
    return _across("relay.py", network.FAR_ADDRESS, port, network.NODE_ADDRESS, to_port)


@contextlib.contextmanager
def _across(script, *arguments):
    command = network.in_pods([sys.executable, "-B", str(_HERE / script), *map(str, arguments)])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            if server.stdout.readline() != "ready\n":
                raise RuntimeError(f"{script} does not listen")
            yield
        finally:
            server.kill()


class Dialler:
    """A process in the cgroup that the agent serves."""

    def __init__(self):
        self._process = subprocess.Popen([sys.executable, "-B", str(_HERE / "dialler.py")], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True, preexec_fn=entering(cgroup(WORKLOAD)))

    def dial(self, address, port, protocol="TCP"):
        """Returns the pod that answered ("10.244.0.1:8080"), or the name of the error."""
        opened = self.open(address, port, protocol)
        if "socket" in opened:
            self.close(opened["socket"])
        return opened.get("answer") or opened["error"]

    def dial_all(self, places):
        """Returns the same for each (address, port), by TCP."""
        return self._order({"dial": list(places)})["answers"]

    def begin_until(self, address, port, answers):
        """Starts to dial by TCP until one of `answers` comes; end_until waits for that."""
        self._send({"until": list(answers), "address": address, "port": port})

    def end_until(self):
        """Returns when it came, in ns of the monotonic clock."""
        return self._receive()["at"]

    def open(self, address, port, protocol="TCP"):
        return self._order({"open": protocol, "address": address, "port": port})

    def ask(self, number):
        answer = self._order({"ask": number})
        return answer.get("answer") or answer["error"]

    def close(self, number):
        self._order({"close": number})

    def end(self):
        self._process.kill()
        self._process.communicate()

    def _order(self, order):
        self._send(order)
        return self._receive()

    def _send(self, order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _receive(self):
        return json.loads(self._process.stdout.readline())

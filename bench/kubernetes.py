#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what the agent costs and how late it is, on a real API server; writes bench/RESULTS-KUBERNETES.md.

    tests/kubernetes/sandbox.py bench/kubernetes.py [--quick] [--output FILE]      (`make bench-kubernetes`)

An event's lateness is the time from its arrival at a bare watch of the same API server to the first connect that
reaches a new endpoint: the agent's decoding, planning and writing, and a dial (about 0.2 ms), without the API server.
"""

import argparse
import dataclasses
import datetime
import itertools
import os
import pathlib
import platform
import random
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests/kubernetes"))

# pylint: disable=wrong-import-position
import cluster
import load
import network
import node
import report
from account import Account
from agent import Agent
from agent_footprint import resident
from api import Api
from control_plane import ControlPlane
from watch_clock import WatchClock

ENDPOINTS = 10
FEW, MANY = 1_000, 10_000
STEADY_PER_SECOND = 20
CHANGES_PER_SECOND = 1_000
ROLL_SECONDS = 10


@dataclasses.dataclass
class Start:
    """From exec until every Service was dialled once and answered; and the CPU time and memory of the process then."""
    seconds: float
    cpu_seconds: float
    resident_mib: float
    own_mib: float


class Bench:
    """A cluster of `services`, with an agent that is not started yet."""

    def __init__(self, directory, services):
        self.size = load.Size(services, ENDPOINTS)
        self._plane = ControlPlane(f"{directory}/plane", network.NODE_ADDRESS)
        self._plane.start()
        api = self._api()
        api.create(cluster.node())
        api.patch_status(cluster.node(), cluster.node_status())
        account = Account(api, f"{directory}/account")
        account.trust(self._plane.serving_authority)
        self._writers = load.Writers(self._api)
        self._turns = {}
        say(f"{services} services x {ENDPOINTS}: writing them")
        load.create(self._writers, self.size)
        self._places = load.addresses(api)
        self._dialler = node.Dialler()
        self.agent = Agent(f"{directory}/agent", ["--kubeconfig", account.kubeconfig(self._plane.url)])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.agent.remove()
        self._dialler.end()
        self._plane.stop()

    def start(self):
        """Starts the agent and returns a Start. REQUIRES: no endpoint was changed yet."""
        begin = time.monotonic()
        self.agent.start()
        # Dials a hundred of them until each has answered: dialling all would take CPU from the agent.
        for number in range(0, len(self._places), len(self._places) // 100):
            while load.astray(self._dialler, self._places, self.size, [0], [number]):
                if not self.agent.runs():
                    sys.exit(f"bench: shuntd ended; {self.agent.log_tail()}")
                time.sleep(0.01)
        seconds = time.monotonic() - begin
        if wrong := load.astray(self._dialler, self._places, self.size, [0], range(len(self._places))):
            sys.exit(f"bench: {len(wrong)} Services not served: {wrong[:3]}")
        return Start(seconds, cpu_seconds(self.agent.process.pid), *resident(self.agent.process.pid))

    def lateness(self, samples, among):
        """Changes `samples` Services, drawn from the numbers `among`, one after the other; returns sorted milliseconds."""
        api = self._api()
        found = []
        with WatchClock(self._api(), load.NAMESPACE) as clock:
            for number in random.Random(1).choices(among, k=samples):
                turn = self._turns[number] = self._turns.get(number, 0) + 1
                pods = [f"{pod}:8080" for pod in load.pods_of(number, self.size, turn)]
                self._dialler.begin_until(self._places[number], 80, pods)
                written = api.replace(load.load_slice(number, self.size, turn))
                served = self._dialler.end_until()
                found.append((served - clock.seen(written["metadata"]["resourceVersion"])) / 1e6)
                time.sleep(1 / STEADY_PER_SECOND)
        return sorted(found)

    def roll(self, steps):
        """Changes CHANGES_PER_SECOND endpoints by the (turn, number) of `steps`; returns (slices, seconds)."""
        return load.roll(self._writers, self.size, CHANGES_PER_SECOND, steps)

    def _api(self):
        return Api(self._plane.url, self._plane.serving_authority.certificate, self._plane.admin)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def cpu_seconds(pid):
    """CPU time of all threads, from the scheduler's own ns."""
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


def measure_steady(directory, services, samples):
    """Returns (Start, lateness, microseconds of CPU per changed slice)."""
    with Bench(directory, services) as bench:
        start = bench.start()
        say(f"{services} services: {samples} changes, {STEADY_PER_SECOND} a second at most")
        late = bench.lateness(samples, range(services))
        before = cpu_seconds(bench.agent.process.pid)
        slices, _ = bench.roll(itertools.product([0, 1], range(services // 2)))
        time.sleep(1)  # long enough for the last ones to be in the kernel
        return start, late, (cpu_seconds(bench.agent.process.pid) - before) * 1e6 / slices


def measure_storm(directory, services, samples):
    """Returns (first Start, Start with pins, lateness, endpoints changed a second, resident MiB afterwards)."""
    with Bench(directory, services) as bench:
        say(f"{services} services: a first start, and one with the pins in place")
        cold = bench.start()
        bench.agent.kill()
        warm = bench.start()
        say(f"{services} services: {samples} changes among {CHANGES_PER_SECOND} endpoints a second")
        over = threading.Event()
        rolled = []
        # The storm changes the upper half, the samples are in the lower: nothing else changes what is waited for.
        steps = ((turn, number) for turn in itertools.count(1) for number in range(services // 2, services))
        steps = itertools.takewhile(lambda _: not over.is_set(), steps)
        storm = threading.Thread(target=lambda: rolled.append(bench.roll(steps)))
        storm.start()
        late = bench.lateness(samples, range(services // 2))
        over.set()
        storm.join()
        slices, seconds = rolled[0]
        return cold, warm, late, slices * ENDPOINTS / seconds, resident(bench.agent.process.pid)[0]


def results(steady, storm, scale):
    start, late, cpu_us = steady
    cold, warm, storm_late, rate, after_mib = storm
    rows = [
        ["figure", f"{FEW // scale:,} x {ENDPOINTS}", f"{MANY // scale:,} x {ENDPOINTS}", "target"],
        ["watch event to kernel, p50", f"{percentile(late, 0.5):.1f} ms", f"{percentile(storm_late, 0.5):.1f} ms",
         "3 ms at 1,000"],
        ["watch event to kernel, p99", f"{percentile(late, 0.99):.1f} ms", f"{percentile(storm_late, 0.99):.1f} ms",
         "20 ms / 200 ms"],
        ["endpoints changed a second meanwhile", f"{STEADY_PER_SECOND * ENDPOINTS} at most", f"{rate:.0f}", ""],
        ["first start to everything dialled", f"{start.seconds:.2f} s", f"{cold.seconds:.2f} s", "3 s"],
        ["CPU until then", f"{start.cpu_seconds:.2f} s", f"{cold.cpu_seconds:.2f} s", "2 s"],
        ["CPU of a start with pins", "", f"{warm.cpu_seconds:.2f} s", ""],
        ["resident, mapped maps included", f"{start.resident_mib:.1f} MiB", f"{cold.resident_mib:.1f} MiB", "120 MiB"],
        ["of it the process's own", f"{start.own_mib:.1f} MiB", f"{cold.own_mib:.1f} MiB", ""],
        ["resident after the changes", "", f"{after_mib:.1f} MiB", ""],
        ["CPU per changed slice of ten endpoints", f"{cpu_us:.0f} µs", "", "1 ms"]]
    prose = report.paragraph(
        f"Written by `make bench-kubernetes` on {datetime.date.today()}: {platform.machine()}, {os.cpu_count()} CPUs, "
        f"Linux {platform.release()}, shared by etcd, kube-apiserver, the load and the agent. Latency is from the event's "
        "arrival at a bare watch to the first connect that reaches a new endpoint.")
    return f"# Results against a real API server\n\n{prose}\n\n{report.table(rows)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: does it run at all?")
    parser.add_argument("--output", default=str(ROOT / "bench/RESULTS-KUBERNETES.md"))
    options = parser.parse_args()
    network.set_up()
    scale = 10 if options.quick else 1
    with node.pods(8080), tempfile.TemporaryDirectory() as directory:
        steady = measure_steady(f"{directory}/few", FEW // scale, 500 // scale)
        storm = measure_storm(f"{directory}/many", MANY // scale, 500 // scale)
    text = results(steady, storm, scale)
    pathlib.Path(options.output).write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Writes many objects, and many changes per second."""

import concurrent.futures
import dataclasses
import threading
import time

import cluster
from api import Api

NAMESPACE = "load"
_WRITERS = 8


@dataclasses.dataclass(frozen=True)
class Size:
    services: int
    endpoints: int  # per Service


class Writers:
    """Writes through several connections at once. `api` makes another Api."""

    def __init__(self, api, count=_WRITERS):
        self._api = api
        self._own = threading.local()
        self._pool = concurrent.futures.ThreadPoolExecutor(count)

    def each(self, items, write):
        """Calls write(api, item) for every item. Raises what the first failure raised."""
        for _ in self._pool.map(lambda item: write(self._connection(), item), items):
            pass

    def submit(self, item, write):
        return self._pool.submit(lambda: write(self._connection(), item))

    def _connection(self):
        if not hasattr(self._own, "api"):
            self._own.api = self._api()
        return self._own.api


def load_service(number):
    return cluster.service(f"load-{number}", namespace=NAMESPACE)


def load_slice(number, size, turn=0):
    """Returns the slice of Service `number`. Each turn has other endpoints; no two Services share an address."""
    return cluster.endpoint_slice(load_service(number), pods_of(number, size, turn))


def pods_of(number, size, turn):
    first = 1 + 2 * number * size.endpoints + (turn % 2) * size.endpoints
    return [cluster.pod_address(first + i) for i in range(size.endpoints)]


def create(writers, size):
    """Creates objects of `size` in the namespace NAMESPACE."""
    writers.each([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}], Api.create)
    writers.each(map(load_service, range(size.services)), Api.create)
    writers.each((load_slice(number, size) for number in range(size.services)), Api.create)


def addresses(api):
    """Returns the ClusterIP of each Service, in the order of their numbers."""
    services = api.get(f"/api/v1/namespaces/{NAMESPACE}/services")["items"]
    by_name = {each["metadata"]["name"]: each["spec"]["clusterIP"] for each in services}
    return [by_name[f"load-{number}"] for number in range(len(by_name))]


def astray(dialler, cluster_ips, size, turns, numbers=None):
    """Dials every Service once (`cluster_ips` is addresses()) and returns "ADDRESS: ANSWER" of each dial that was not
    answered by an endpoint of one of `turns`. Dials only the Services `numbers`, if given.
    """
    numbers = range(len(cluster_ips)) if numbers is None else numbers
    answers = dialler.dial_all((cluster_ips[number], 80) for number in numbers)
    return [f"{cluster_ips[number]}: {answer}" for number, answer in zip(numbers, answers)
            if answer not in {f"{pod}:8080" for turn in turns for pod in pods_of(number, size, turn)}]


def roll(writers, size, per_second, steps):
    """For each (turn, number) of `steps` replaces all endpoints of the Service, up to `per_second` endpoints a second.
    Returns the number of slices and the seconds that it took.
    """
    count = 0
    start = time.monotonic()
    pending = set()
    for turn, number in steps:
        time.sleep(max(0, start + count * size.endpoints / per_second - time.monotonic()))
        count += 1
        pending.add(writers.submit(load_slice(number, size, turn), Api.replace))
        if len(pending) > 4 * _WRITERS:
            done, pending = concurrent.futures.wait(pending, return_when=concurrent.futures.FIRST_COMPLETED)
            for each in done:
                each.result()
    for each in pending:
        each.result()
    return count, time.monotonic() - start

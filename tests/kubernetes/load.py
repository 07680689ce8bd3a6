# SPDX-License-Identifier: Apache-2.0
"""Many objects, and many changes a second."""

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
    endpoints: int  # of each Service


class Writers:
    """Writes by several connections at once. `api` makes another Api."""

    def __init__(self, api, count=_WRITERS):
        self._api = api
        self._own = threading.local()
        self._pool = concurrent.futures.ThreadPoolExecutor(count)

    def each(self, things, write):
        """write(api, thing) for every thing. Raises what the first failure raised."""
        for _ in self._pool.map(lambda thing: write(self._connection(), thing), things):
            pass

    def submit(self, thing, write):
        return self._pool.submit(lambda: write(self._connection(), thing))

    def _connection(self):
        if not hasattr(self._own, "api"):
            self._own.api = self._api()
        return self._own.api


def load_service(number):
    return cluster.service(f"load-{number}", namespace=NAMESPACE)


def load_slice(number, size, turn=0):
    """The slice of Service `number`. Each turn replaces its endpoints by others; no two Services share an address."""
    return cluster.endpoint_slice(load_service(number), pods_of(number, size, turn))


def pods_of(number, size, turn):
    first = 1 + 2 * number * size.endpoints + (turn % 2) * size.endpoints
    return [cluster.pod_address(first + i) for i in range(size.endpoints)]


def create(writers, size):
    """Makes `size` in the namespace NAMESPACE."""
    writers.each([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}], Api.create)
    writers.each(map(load_service, range(size.services)), Api.create)
    writers.each((load_slice(number, size) for number in range(size.services)), Api.create)


def addresses(api):
    """ClusterIP of each Service, in the order of their numbers."""
    services = api.get(f"/api/v1/namespaces/{NAMESPACE}/services")["items"]
    by_name = {each["metadata"]["name"]: each["spec"]["clusterIP"] for each in services}
    return [by_name[f"load-{number}"] for number in range(len(by_name))]


def astray(dialler, places, size, turns, numbers=None):
    """"ADDRESS: ANSWER" of each of one dial to every Service (`places`: addresses()) that no pod of its own answered.
    `turns`: of which its endpoints may be. `numbers`: of only these.
    """
    numbers = range(len(places)) if numbers is None else numbers
    answers = dialler.dial_all((places[number], 80) for number in numbers)
    return [f"{places[number]}: {answer}" for number, answer in zip(numbers, answers)
            if answer not in {f"{pod}:8080" for turn in turns for pod in pods_of(number, size, turn)}]


def roll(writers, size, per_second, steps):
    """For each (turn, number) of `steps` replaces all endpoints of the Service, `per_second` endpoints a second as far
    as the API server can. Returns how many slices, and the seconds that it took.
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

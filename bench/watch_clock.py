# SPDX-License-Identifier: Apache-2.0
"""Notes when the API server's events arrive at a bare watch."""

import json
import multiprocessing
import time

_PATIENCE_SECONDS = 30


class WatchClock:
    """A context in which a process of its own watches the EndpointSlices of a namespace through `api`."""

    def __init__(self, api, namespace):
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        version = api.get(f"{path}?limit=1")["metadata"]["resourceVersion"]
        api.close()
        self._events, writer = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.Process(
            target=_watch, args=(api, f"{path}?watch=1&resourceVersion={version}", writer), daemon=True)
        self._seen = {}

    def __enter__(self):
        self._process.start()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.join()

    def seen(self, version):
        """Returns when the event of this resourceVersion arrived, in ns of the monotonic clock."""
        while version not in self._seen:
            if not self._events.poll(_PATIENCE_SECONDS):
                raise RuntimeError(f"no event of resourceVersion {version} in {_PATIENCE_SECONDS} s")
            self._seen.update([self._events.recv()])
        return self._seen[version]


def _watch(api, path, writer):
    for line in api.lines(path):
        now = time.monotonic_ns()
        writer.send((json.loads(line)["object"]["metadata"]["resourceVersion"], now))

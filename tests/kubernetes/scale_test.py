# SPDX-License-Identifier: Apache-2.0
"""Many Services, and endpoints that change all the time. SHUNT_KUBERNETES_SERVICES (1000) is the number of Services."""

import os
import threading

import load
from cluster_test_case import ClusterTestCase
from node import Dialler, eventually

SIZE = load.Size(services=int(os.environ.get("SHUNT_KUBERNETES_SERVICES", "1000")), endpoints=10)
CHANGES_PER_SECOND = 1000
PATIENCE_SECONDS = 120


class Meanwhile:
    """Dials all Services repeatedly while something else happens; `astray` has the dials that another pod answered."""

    def __init__(self, cluster_ips):
        self.astray = []
        self.dials = 0
        self._cluster_ips = cluster_ips
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        dialler = Dialler()
        while not self._stop.is_set():
            self.astray += load.astray(dialler, self._cluster_ips, SIZE, turns=[0, 1])
            self.dials += len(self._cluster_ips)
        dialler.end()


class ScaleTest(ClusterTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.writers = load.Writers(cls.new_api)
        load.create(cls.writers, SIZE)
        cls.cluster_ips = load.addresses(cls.api)
        cls.agent = cls.new_agent()
        cls.agent.start()
        cls.agent.wait_synced(PATIENCE_SECONDS)
        cls.turn = 0

    def expect_turn(self):
        """Waits until every Service has exactly its newest endpoints."""
        def settled():
            return not any(load.astray(self.dialler, self.cluster_ips, SIZE, turns=[self.turn]) for _ in range(3))

        eventually(settled, self.agent.log_tail, PATIENCE_SECONDS)

    def roll(self):
        type(self).turn += 1
        load.roll(self.writers, SIZE, CHANGES_PER_SECOND, ((self.turn, number) for number in range(SIZE.services)))

    def test_a_rolling_change_of_everything_leads_no_connect_astray(self):
        self.expect_turn()
        with Meanwhile(self.cluster_ips) as meanwhile:
            self.roll()
            self.expect_turn()
        self.assertEqual(meanwhile.astray, [])
        self.assertGreaterEqual(meanwhile.dials, SIZE.services)

    def test_a_restart_while_everything_changes_leads_no_connect_astray(self):
        with Meanwhile(self.cluster_ips) as meanwhile:
            self.agent.kill()
            rolling = threading.Thread(target=self.roll)
            rolling.start()
            self.agent.start()
            rolling.join()
            self.expect_turn()
        self.assertEqual(meanwhile.astray, [])
        self.assertGreaterEqual(meanwhile.dials, SIZE.services)

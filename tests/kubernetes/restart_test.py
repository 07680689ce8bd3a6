# SPDX-License-Identifier: Apache-2.0
"""Agents that are killed while they sync, and two at once."""

import os
import random
import time

import cluster
import load
from cluster_test_case import ClusterTestCase
from node import eventually

SIZE = load.Size(services=500, endpoints=5)
KILLS = 20


class RestartTest(ClusterTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = int(os.environ.get("SHUNT_SEED", time.time_ns() % 2**32))
        load.create(load.Writers(cls.new_api), SIZE)
        cls.addresses = load.addresses(cls.api)

    def tearDown(self):
        self.agent.remove()

    def expect_all(self):
        eventually(lambda: not load.astray(self.dialler, self.addresses, SIZE, turns=[0]), self.agent.log_tail)

    def test_it_may_be_killed_at_any_time_of_a_sync(self):
        print(f"SHUNT_SEED={self.seed}")
        chance = random.Random(self.seed)
        self.agent = self.new_agent()
        for _ in range(KILLS):
            self.agent.start()
            time.sleep(chance.uniform(0, 1.5))  # at any moment of a start
            self.agent.kill()
        self.agent.start().wait_synced()
        self.expect_all()

    def test_a_second_agent_leaves_the_first_ones_pins_alone(self):
        self.agent = self.new_agent()
        self.agent.start().wait_synced()
        second = self.new_agent()
        second.start()
        eventually(lambda: not second.runs(), "the second agent ends")
        self.assertNotEqual(second.process.returncode, 0)
        self.assertIn(str(self.agent.process.pid), second.log_tail())
        self.expect_all()

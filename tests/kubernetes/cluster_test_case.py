# SPDX-License-Identifier: Apache-2.0
"""The base of most test classes: a control plane, the agent's account, the pods, a workload."""

import dataclasses
import tempfile
import unittest

import cluster
import network
import node
from account import Account
from agent import Agent
from api import Api
from control_plane import ControlPlane


UNTRANSLATED = "ENETUNREACH"  # the node has no default route


@dataclasses.dataclass
class Created:
    """A Service in the API server."""
    service: dict
    address: str
    answers: set  # what its pods answer


class ClusterTestCase(unittest.TestCase):
    """One control plane for the class: `plane`, `api` (as its administrator), `account`, `dialler`.

    A class that uses expect and its like sets `agent`.
    """

    agent = None
    agents_made = 0
    services_made = 0
    pods_made = 0

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="shunt-kubernetes-")
        cls.addClassCleanup(directory.cleanup)
        cls.directory = directory.name
        cls.plane = ControlPlane(f"{cls.directory}/plane", network.NODE_ADDRESS)
        cls.addClassCleanup(cls.plane.stop)
        cls.plane.start()
        cls.api = cls.new_api()
        cls.api.create(cluster.node())
        cls.api.patch_status(cluster.node(), cluster.node_status())
        cls.account = Account(cls.api, f"{cls.directory}/account")
        cls.account.trust(cls.plane.serving_authority)
        cls.enterClassContext(node.pods(8080, 8081))
        cls.dialler = node.Dialler()
        cls.addClassCleanup(cls.dialler.end)

    @classmethod
    def new_agent(cls, flags=None):
        """Returns an agent that is not started; after the class it is ended and what it pinned is removed. By default
        it has only the kubeconfig of the class's account.
        """
        kubeconfig = ["--kubeconfig", cls.account.kubeconfig(cls.plane.url)]
        cls.agents_made += 1
        agent = Agent(f"{cls.directory}/agent-{cls.agents_made}", kubeconfig if flags is None else flags)
        cls.addClassCleanup(agent.remove)
        return agent

    @classmethod
    def create(cls, pods=1, **spec):
        """Creates a Service, port 80, with new pods."""
        first, cls.pods_made = cls.pods_made + 1, cls.pods_made + pods
        cls.services_made += 1
        addresses = [cluster.pod_address(first + i) for i in range(pods)]
        asked = cluster.service(f"service-{cls.services_made}", **spec)
        cls.api.create(cluster.endpoint_slice(asked, addresses))
        made = cls.api.create(asked)
        return Created(asked, made["spec"]["clusterIP"], {f"{address}:8080" for address in addresses})

    def expect(self, created, seconds=node.PATIENCE_SECONDS):
        """Waits until one of its pods answers."""
        node.eventually(lambda: self.dialler.dial(created.address, 80) in created.answers, self.agent.log_tail, seconds)

    def expect_gone(self, created, seconds=node.PATIENCE_SECONDS):
        """Waits until nothing translates its address."""
        node.eventually(lambda: self.dialler.dial(created.address, 80) == UNTRANSLATED, self.agent.log_tail, seconds)

    def assert_served(self, created):
        self.assertIn(self.dialler.dial(created.address, 80), created.answers, self.agent.log_tail())

    @classmethod
    def new_api(cls):
        return Api(cls.plane.url, cls.plane.serving_authority.certificate, cls.plane.admin)

# SPDX-License-Identifier: Apache-2.0
"""What most test classes start from: a control plane, the agent's account, the pods, a workload."""

import tempfile
import unittest

import cluster
import network
import node
from account import Account
from agent import Agent
from api import Api
from control_plane import ControlPlane


class ClusterTestCase(unittest.TestCase):
    """One control plane for the class: `plane`, `api` (as its administrator), `account`, `dialler`."""

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
    def new_agent(cls, name="agent", **options):
        """An agent that has cls's API server in its kubeconfig; ended, and its pins removed, after the class."""
        agent = Agent(f"{cls.directory}/{name}", ["--kubeconfig", cls.account.kubeconfig(cls.plane.url)], **options)

        def remove():
            if agent.process is not None:
                agent.kill()
                agent.cleanup()

        cls.addClassCleanup(remove)
        return agent

    @classmethod
    def new_api(cls):
        return Api(cls.plane.url, cls.plane.serving_authority.certificate, cls.plane.admin)

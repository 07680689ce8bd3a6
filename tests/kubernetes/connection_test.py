# SPDX-License-Identifier: Apache-2.0
"""How the agent finds its API server, keeps it, and finds another one."""

import pathlib
import shutil

import network
import node
from cluster_test_case import ClusterTestCase
from control_plane import PORT
from node import eventually

SECOND = PORT + 1
# A silent connection is closed after half a minute, as in production.
PATIENCE_SECONDS = 120
POD_FILES = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ConnectionTest(ClusterTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        POD_FILES.mkdir(parents=True)
        for path in (cls.account.token_file, cls.account.authority_file):
            shutil.copy(path, POD_FILES)
        (POD_FILES / "namespace").write_text("kube-system")

    def setUp(self):
        for port in (PORT, SECOND):
            self.plane.start_apiserver(port)

    def tearDown(self):
        self.agent.remove()

    def start(self, *flags, **environment):
        self.agent = self.new_agent(flags)
        return self.agent.start(environment)

    def test_in_a_pod_it_needs_no_flags(self):
        self.start(KUBERNETES_SERVICE_HOST=network.NODE_ADDRESS, KUBERNETES_SERVICE_PORT=str(PORT)).wait_synced()
        self.expect(self.create())

    def test_a_cluster_ip_that_nothing_translates_is_refused_in_plain_words(self):
        self.start(KUBERNETES_SERVICE_HOST="10.96.0.1", KUBERNETES_SERVICE_PORT="443")
        eventually(lambda: not self.agent.runs(), "it ends")
        self.assertIn("10.96.0.1", self.agent.log_tail())
        self.assertIn("--api-server", self.agent.log_tail())

    def test_of_several_api_servers_it_takes_one_that_runs(self):
        self.plane.stop_apiserver(PORT)
        urls = f"{self.plane.url_of(PORT)},{self.plane.url_of(SECOND)}"
        self.start("--api-server", urls).wait_synced(PATIENCE_SECONDS)
        self.plane.start_apiserver(PORT)
        self.expect(self.create())
        self.plane.stop_apiserver(SECOND)
        self.expect(self.create(), PATIENCE_SECONDS)

    def test_a_connection_that_is_half_open_is_left_for_another(self):
        network.join_far()
        with node.relay(SECOND, SECOND):
            far = f"https://{network.FAR_ADDRESS}:{SECOND}"
            self.start("--api-server", f"{far},{self.plane.url}").wait_synced()
            self.expect(self.create())
            network.cut_far()
            self.expect(self.create(), PATIENCE_SECONDS)

    def test_a_service_that_claims_the_api_servers_address_does_not_get_the_agents_connections(self):
        self.start("--api-server", self.plane.url).wait_synced()
        claim = self.create(ports=({"port": PORT, "targetPort": 8080},), externalIPs=[network.NODE_ADDRESS])
        eventually(lambda: self.dialler.dial(network.NODE_ADDRESS, PORT) in claim.answers, "the workload is served")
        self.plane.stop_apiserver(PORT)  # so that it must connect again
        self.plane.start_apiserver(PORT)
        self.expect(self.create(), PATIENCE_SECONDS)
        self.api.delete(claim.service)

# SPDX-License-Identifier: Apache-2.0
"""The health pages for load balancers and kubelets, with a real API server behind the agent."""


import cluster
import network
from agent import health
from cluster import endpoint, endpoint_slice, service
from cluster_test_case import ClusterTestCase
from node import eventually


def asked(port):
    """Returns (status, body) of a healthCheckNodePort; (0, why) if no server listens."""
    return health(url=f"http://{network.NODE_ADDRESS}:{port}/")


class HealthTest(ClusterTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls.new_agent()
        cls.agent.start()
        cls.agent.wait_synced()

    def test_a_node_that_serves_is_healthy_alive_and_ready(self):
        for path in ("/healthz", "/livez", "/readyz"):
            with self.subTest(path=path):
                eventually(lambda: health(path)[0] == 200, lambda: health(path))

    def test_a_node_that_is_about_to_go_is_not_healthy_but_alive(self):
        taint = {"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule", "value": "1"}
        self.api.patch(cluster.node(), {"spec": {"taints": [taint]}})
        eventually(lambda: health("/healthz")[0] == 503, lambda: health("/healthz"))
        self.assertEqual(health("/livez")[0], 200)
        self.api.patch(cluster.node(), {"spec": {"taints": None}})
        eventually(lambda: health("/healthz")[0] == 200, lambda: health("/healthz"))

    def test_an_agent_whose_node_is_unknown_says_so(self):
        self.api.delete(cluster.node())
        eventually(lambda: "no Node named node-1 is known" in health("/healthz")[1], lambda: health("/healthz"))
        self.assertIn("node name", [problem.get("where") for problem in self.agent.problems()])
        self.api.create(cluster.node())
        self.api.patch_status(cluster.node(), cluster.node_status())
        eventually(lambda: health("/healthz")[0] == 200, lambda: health("/healthz"))
        self.assertNotIn("nodeProblem", health("/healthz")[1])

    def test_a_load_balancer_learns_which_nodes_have_endpoints(self):
        balanced = service("balanced", type="LoadBalancer", externalTrafficPolicy="Local")
        self.api.create(endpoint_slice(balanced, [cluster.pod_address(1), cluster.pod_address(2)]))
        port = self.api.create(balanced)["spec"]["healthCheckNodePort"]
        eventually(lambda: asked(port)[0] == 200, lambda: asked(port))
        self.assertIn('"localEndpoints": 2', asked(port)[1])
        self.api.replace(endpoint_slice(balanced, [endpoint(cluster.pod_address(1), node="node-2")]))
        eventually(lambda: asked(port)[0] == 503, lambda: asked(port))
        self.api.delete(balanced)
        eventually(lambda: asked(port)[0] == 0, lambda: asked(port))

    def test_metrics_tell_of_the_reflectors(self):
        for resource in ("services", "endpointslices", "nodes"):
            with self.subTest(resource=resource):
                self.assertEqual(self.agent.metric("shunt_reflector_synced", f'resource="{resource}"'), 1)
        before = self.agent.metric("shunt_reflector_events_total", 'resource="services"')
        self.expect(self.create())
        self.assertGreater(self.agent.metric("shunt_reflector_events_total", 'resource="services"'), before)

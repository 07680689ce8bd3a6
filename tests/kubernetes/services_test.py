# SPDX-License-Identifier: Apache-2.0
"""Services of every kind, written to a real API server and dialled by a real workload."""

import cluster
import network
from cluster import endpoint, endpoint_slice, service
from cluster_test_case import UNTRANSLATED, ClusterTestCase
from node import eventually


class ServicesTest(ClusterTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls.new_agent()
        cls.agent.start()
        cls.agent.wait_synced()

    def setUp(self):
        self.made = []

    def tearDown(self):
        for item in reversed(self.made):
            self.api.delete(item)

    def make(self, item):
        """Creates an object and returns it as the API server has it; it is deleted after the test."""
        made = self.api.create(item)
        self.made.append(item)
        return made

    def unmake(self, item):
        self.made.remove(item)
        self.api.delete(item)

    def new_pods(self, count=1):
        """Returns addresses that no other test uses."""
        first = self.pods_made + 1
        type(self).pods_made += count
        return [cluster.pod_address(first + i) for i in range(count)]

    def answers(self, address, port, protocol="TCP", dials=20):
        """Returns the pods that answer to some dials, and the errors' names for those that fail."""
        return {self.dialler.dial(address, port, protocol) for _ in range(dials)}

    def expect(self, address, port, answers, protocol="TCP"):
        """Waits until exactly these pods answer."""
        wanted = set(answers)
        seen = []

        def as_wanted():
            seen[:] = [self.answers(address, port, protocol, dials=20 * len(wanted))]
            return seen[0] == wanted

        eventually(as_wanted, lambda: f"{protocol} {address}:{port} is answered by {seen[0]}, not by {wanted}; "
                                      f"{self.agent.log_tail()}")

    def expect_pods(self, address, port, pods, protocol="TCP", target=8080):
        self.expect(address, port, [f"[{pod}]:{target}" if ":" in pod else f"{pod}:{target}" for pod in pods], protocol)

    def test_cluster_ip_follows_its_endpoints(self):
        one, two, three = self.new_pods(3)
        asked = service("follows")
        address = self.make(asked)["spec"]["clusterIP"]
        self.expect(address, 80, ["ECONNREFUSED"])
        pods = endpoint_slice(asked, [one])
        self.make(pods)
        self.expect_pods(address, 80, [one])
        self.api.replace(endpoint_slice(asked, [one, two]))
        self.expect_pods(address, 80, [one, two])
        self.api.replace(endpoint_slice(asked, [three]))
        self.expect_pods(address, 80, [three])
        self.unmake(pods)
        self.expect(address, 80, ["ECONNREFUSED"])
        self.unmake(asked)
        self.expect(address, 80, [UNTRANSLATED])

    def test_slices_may_come_before_their_service(self):
        pods = self.new_pods(2)
        asked = service("late")
        self.make(endpoint_slice(asked, pods))
        self.expect_pods(self.make(asked)["spec"]["clusterIP"], 80, pods)

    def test_a_service_made_anew_has_another_address_and_leaves_the_old_one(self):
        pods = self.new_pods()
        asked = service("anew")
        self.make(endpoint_slice(asked, pods))
        before = self.make(asked)["spec"]["clusterIP"]
        self.expect_pods(before, 80, pods)
        self.unmake(asked)
        after = self.make(service("anew", clusterIP="10.96.77.77"))["spec"]["clusterIP"]
        self.expect_pods(after, 80, pods)
        self.expect(before, 80, [UNTRANSLATED])

    def test_several_ports_and_protocols(self):
        pods = self.new_pods(2)
        ports = [{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": 8081},
                 {"port": 80, "targetPort": 8081, "protocol": "UDP"},
                 {"port": 80, "targetPort": 8080, "protocol": "SCTP"}]
        asked = service("ports", ports)
        self.make(endpoint_slice(asked, pods, ports=[(8080, "TCP"), (8081, "TCP"), (8081, "UDP"), (8080, "SCTP")]))
        address = self.make(asked)["spec"]["clusterIP"]
        self.expect_pods(address, 80, pods)
        self.expect_pods(address, 81, pods, target=8081)
        self.expect_pods(address, 80, pods, protocol="UDP", target=8081)
        self.expect(address, 82, ["ECONNREFUSED"])

    def test_dual_stack(self):
        pods, pods_v6 = self.new_pods(2), [cluster.pod_address_v6(1), cluster.pod_address_v6(2)]
        asked = service("both", ipFamilyPolicy="RequireDualStack")
        self.make(endpoint_slice(asked, pods))
        self.make(endpoint_slice(asked, pods_v6, suffix="b"))
        v4, v6 = self.make(asked)["spec"]["clusterIPs"]
        self.expect_pods(v4, 80, pods)
        self.expect_pods(v6, 80, pods_v6)

    def test_node_port(self):
        pods = self.new_pods(2)
        asked = service("node-port", type="NodePort")
        self.make(endpoint_slice(asked, pods))
        made = self.make(asked)["spec"]
        self.expect_pods(network.NODE_ADDRESS, made["ports"][0]["nodePort"], pods)
        self.expect_pods(made["clusterIP"], 80, pods)
        self.api.patch(asked, {"spec": {"type": "ClusterIP"}})
        self.expect(network.NODE_ADDRESS, made["ports"][0]["nodePort"], ["ECONNREFUSED"])
        self.expect_pods(made["clusterIP"], 80, pods)

    def test_load_balancer_once_its_status_says_where(self):
        pods = self.new_pods(2)
        asked = service("balanced", type="LoadBalancer", allocateLoadBalancerNodePorts=False)
        self.make(endpoint_slice(asked, pods))
        made = self.make(asked)["spec"]
        self.expect_pods(made["clusterIP"], 80, pods)
        self.assertEqual(self.dialler.dial("198.51.100.7", 80), UNTRANSLATED)
        self.api.patch_status(asked, {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}})
        self.expect_pods("198.51.100.7", 80, pods)
        proxied = {"ip": "198.51.100.7", "ipMode": "Proxy"}
        self.api.patch_status(asked, {"status": {"loadBalancer": {"ingress": [proxied]}}})
        self.expect("198.51.100.7", 80, [UNTRANSLATED])

    def test_external_addresses(self):
        pods = self.new_pods(2)
        asked = service("external", externalIPs=["198.51.100.9"])
        self.make(endpoint_slice(asked, pods))
        self.make(asked)
        self.expect_pods("198.51.100.9", 80, pods)
        self.api.patch(asked, {"spec": {"externalIPs": ["198.51.100.10"]}})
        self.expect_pods("198.51.100.10", 80, pods)
        self.expect("198.51.100.9", 80, [UNTRANSLATED])

    def test_headless_and_external_name_are_not_served_and_may_become_so(self):
        pods = self.new_pods(2)
        named = service("elsewhere", type="ExternalName", externalName="example.com")
        headless = service("headless", clusterIP="None")
        self.make(endpoint_slice(headless, pods))
        self.make(headless)
        self.make(named)
        self.make(endpoint_slice(service("elsewhere"), pods))
        ports = service("elsewhere")["spec"]["ports"]
        made = self.api.patch(named, {"spec": {"type": "ClusterIP", "externalName": None, "ports": ports}})
        self.expect_pods(made["spec"]["clusterIP"], 80, pods)
        self.assertNotIn("default/headless", self.agent.served())

    def test_session_affinity(self):
        pods = self.new_pods(8)
        asked = service("sticky", sessionAffinity="ClientIP")
        self.make(endpoint_slice(asked, pods))
        address = self.make(asked)["spec"]["clusterIP"]
        eventually(lambda: len(self.answers(address, 80)) == 1 and UNTRANSLATED not in self.answers(address, 80),
                   "twenty dials of one client reach one pod")
        self.api.patch(asked, {"spec": {"sessionAffinity": "None"}})
        self.expect_pods(address, 80, pods)

    def test_internal_policy_local_keeps_to_this_node(self):
        here, elsewhere = self.new_pods(2)
        asked = service("local", internalTrafficPolicy="Local")
        self.make(endpoint_slice(asked, [endpoint(here), endpoint(elsewhere, node="node-2")]))
        address = self.make(asked)["spec"]["clusterIP"]
        self.expect_pods(address, 80, [here])
        self.api.replace(endpoint_slice(asked, [endpoint(elsewhere, node="node-2")]))
        self.expect(address, 80, ["EHOSTUNREACH"])
        self.api.patch(asked, {"spec": {"internalTrafficPolicy": "Cluster"}})
        self.expect_pods(address, 80, [elsewhere])

    def test_hints_keep_traffic_in_this_nodes_zone(self):
        near, far = self.new_pods(2)
        asked = service("zones", trafficDistribution="PreferClose")
        hinted = [{**endpoint(pod, zone=zone), "hints": {"forZones": [{"name": zone}]}}
                  for pod, zone in ((near, "zone-a"), (far, "zone-b"))]
        self.make(endpoint_slice(asked, hinted))
        address = self.make(asked)["spec"]["clusterIP"]
        self.expect_pods(address, 80, [near])
        self.api.patch(cluster.node(), {"metadata": {"labels": {"topology.kubernetes.io/zone": "zone-b"}}})
        self.expect_pods(address, 80, [far])
        self.api.patch(cluster.node(), {"metadata": {"labels": {"topology.kubernetes.io/zone": "zone-a"}}})
        self.expect_pods(address, 80, [near])

    def test_terminating_endpoints_serve_only_when_nothing_else_does(self):
        leaving, ready = self.new_pods(2)
        asked = service("leaving")
        last = [endpoint(leaving, ready=False, serving=True, terminating=True)]
        self.make(endpoint_slice(asked, [*last, endpoint(ready)]))
        address = self.make(asked)["spec"]["clusterIP"]
        self.expect_pods(address, 80, [ready])
        self.api.replace(endpoint_slice(asked, last))
        self.expect_pods(address, 80, [leaving])
        self.api.replace(endpoint_slice(asked, [endpoint(leaving, ready=False, serving=False, terminating=True)]))
        self.expect(address, 80, ["ECONNREFUSED"])

    def test_a_slice_that_moves_to_another_service(self):
        pods = self.new_pods(2)
        first, second = service("moved-from"), service("moved-to")
        moved = endpoint_slice(first, pods, suffix="moving")
        self.make(moved)
        addresses = [self.make(each)["spec"]["clusterIP"] for each in (first, second)]
        self.expect_pods(addresses[0], 80, pods)
        self.api.patch(moved, {"metadata": {"labels": {cluster.SERVICE_NAME_LABEL: "moved-to"}}})
        self.expect_pods(addresses[1], 80, pods)
        self.expect(addresses[0], 80, ["ECONNREFUSED"])
        self.api.patch(moved, {"metadata": {"labels": {cluster.SERVICE_NAME_LABEL: None}}})
        self.expect(addresses[1], 80, ["ECONNREFUSED"])

    def test_slices_that_are_nobodys_or_hold_names_disturb_nobody(self):
        pods = self.new_pods(2)
        asked = service("undisturbed")
        self.make(endpoint_slice(asked, [endpoint("example.com")], suffix="name", address_type="FQDN"))
        self.make(endpoint_slice(asked, self.new_pods(), suffix="nobodys", labels={}))
        self.make(endpoint_slice(asked, pods))
        self.expect_pods(self.make(asked)["spec"]["clusterIP"], 80, pods)

    def test_weights(self):
        drained, serving = self.new_pods(2)
        asked = service("weighted", annotations={"shunt-lb.io/endpoint-weights": f'{{"{drained}": 0, "{serving}": 1}}'})
        self.make(endpoint_slice(asked, [drained, serving]))
        address = self.make(asked)["spec"]["clusterIP"]
        self.expect_pods(address, 80, [serving])
        self.api.patch(asked, {"metadata": {"annotations": {"shunt-lb.io/endpoint-weights": None}}})
        self.expect_pods(address, 80, [drained, serving])

    def test_a_service_of_another_proxy_is_left_alone(self):
        pods = self.new_pods()
        asked = service("foreign", labels={"service.kubernetes.io/service-proxy-name": "other"})
        self.make(endpoint_slice(asked, pods))
        address = self.make(asked)["spec"]["clusterIP"]
        own = service("own")
        self.make(endpoint_slice(own, pods))
        self.expect_pods(self.make(own)["spec"]["clusterIP"], 80, pods)
        self.assertEqual(self.dialler.dial(address, 80), UNTRANSLATED)
        self.api.patch(asked, {"metadata": {"labels": {"service.kubernetes.io/service-proxy-name": None}}})
        self.expect_pods(address, 80, pods)

    def test_the_api_servers_own_service_leads_to_the_api_server(self):
        answer = self.dialler.open("10.96.0.1", 443)
        # The server waits for a client's hello, so a connection stays silent.
        self.assertEqual(answer.get("error"), "nobody answered")

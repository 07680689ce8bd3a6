# SPDX-License-Identifier: Apache-2.0
"""Sockets that are connected to a pod which no longer serves."""

import cluster
from cluster import endpoint_slice, service
from cluster_test_case import ClusterTestCase
from node import eventually

# The error that the socket's owner sees: when it waits for an answer, or when it sends the next question by a socket
# that the kernel has disconnected.
ENDED = ("ECONNABORTED", "EDESTADDRREQ")


class SocketsTest(ClusterTestCase):
    def setUp(self):
        self.agent = None

    def tearDown(self):
        self.agent.remove()

    def start(self, *flags):
        self.agent = self.new_agent(["--kubeconfig", self.account.kubeconfig(self.plane.url), *flags])
        self.agent.start().wait_synced()

    def connect(self, protocol):
        """Returns (Service, an open socket to its only pod, that pod's answer)."""
        type(self).services_made += 1
        made = service(f"sockets-{self.services_made}", [{"port": 80, "targetPort": 8080, "protocol": protocol}])
        self.api.create(endpoint_slice(made, [cluster.pod_address(1)], ports=[(8080, protocol)]))
        address = self.api.create(made)["spec"]["clusterIP"]
        answer = f"{cluster.pod_address(1)}:8080"
        eventually(lambda: self.dialler.dial(address, 80, protocol) == answer, self.agent.log_tail)
        opened = self.dialler.open(address, 80, protocol)
        self.assertEqual(opened["answer"], answer)
        return made, address, opened["socket"], answer

    def move(self, made, address, protocol):
        """Replaces the first pod with another one; the first one still answers."""
        self.api.replace(endpoint_slice(made, [cluster.pod_address(2)], ports=[(8080, protocol)]))
        eventually(lambda: self.dialler.dial(address, 80, protocol) == f"{cluster.pod_address(2)}:8080",
                   self.agent.log_tail)

    def test_a_connected_udp_socket_is_ended_when_its_pod_serves_no_more(self):
        self.start()
        made, address, socket, answer = self.connect("UDP")
        self.assertEqual(self.dialler.ask(socket), answer)
        self.move(made, address, "UDP")
        eventually(lambda: self.dialler.ask(socket) in ENDED, self.agent.log_tail)

    def test_another_services_socket_to_the_same_pod_stays(self):
        self.start()
        made, address, socket, _ = self.connect("UDP")
        _, _, other, answer = self.connect("UDP")
        self.move(made, address, "UDP")
        eventually(lambda: self.dialler.ask(socket) in ENDED, self.agent.log_tail)
        self.assertEqual(self.dialler.ask(other), answer)

    def test_a_tcp_connection_stays_unless_asked_for(self):
        self.start()
        made, address, socket, _ = self.connect("TCP")
        self.move(made, address, "TCP")
        self.assertEqual(self.dialler.ask(socket), "?")  # the pod echoes what it is sent

    def test_a_tcp_connection_is_ended_if_asked_for(self):
        self.start("--end-sockets", "all")
        made, address, socket, _ = self.connect("TCP")
        self.move(made, address, "TCP")
        eventually(lambda: self.dialler.ask(socket) in ENDED, self.agent.log_tail)

    def test_off_is_off(self):
        self.start("--end-sockets", "off")
        made, address, socket, answer = self.connect("UDP")
        self.move(made, address, "UDP")
        self.assertEqual(self.dialler.ask(socket), answer)

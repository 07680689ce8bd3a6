# SPDX-License-Identifier: Apache-2.0
"""The control plane itself: what the other tests assume about it."""

import tempfile
import unittest

import network
from api import Api, Refused
from control_plane import ControlPlane


class ControlPlaneTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="shunt-kubernetes-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.plane = ControlPlane(cls.directory.name, network.NODE_ADDRESS)
        cls.addClassCleanup(cls.plane.stop)
        cls.plane.start()
        cls.api = Api(cls.plane.url, cls.plane.serving_authority.certificate, cls.plane.admin)

    def as_account(self, name):
        account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"namespace": "default", "name": name}}
        self.api.apply(account)
        token = self.api.new_token("default", name)
        return Api(self.plane.url, self.plane.serving_authority.certificate, token=token)

    def test_it_is_a_release_that_the_agent_must_know(self):
        version = self.api.get("/version")
        self.assertGreaterEqual((int(version["major"]), int(version["minor"])), (1, 34), version)

    def test_a_service_account_may_only_what_a_role_grants(self):
        nobody = self.as_account("nobody")
        with self.assertRaises(Refused) as refused:
            nobody.get("/api/v1/services")
        self.assertEqual(refused.exception.status, 403)

    def test_a_token_that_it_did_not_sign_is_refused(self):
        stranger = Api(self.plane.url, self.plane.serving_authority.certificate, token="of.somebody.else")
        with self.assertRaises(Refused) as refused:
            stranger.get("/api/v1/services")
        self.assertEqual(refused.exception.status, 401)

    def test_who_asks_is_written_down(self):
        with self.assertRaises(Refused):
            self.as_account("curious").get("/api/v1/secrets")
        lines = self.plane.audit_log_of().read_text().splitlines()
        asked = [line for line in lines if '"system:serviceaccount:default:curious"' in line and '"secrets"' in line]
        self.assertEqual(len(asked), 1)

    def test_an_object_that_is_not_valid_is_refused_by_a_dry_run(self):
        service = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "s"}, "spec": {"prots": []}}
        with self.assertRaisesRegex(Refused, "prots"):
            self.api.apply(service, dry_run=True)

    def test_a_list_of_next_to_nothing_tells_whether_a_version_is_known(self):
        # The agent asks this of a server that was away before it watches: a watch from the future is answered by a
        # silent 200.
        namespace = "namespaces/kube-node-lease"
        for path in (f"/api/v1/{namespace}/services?", f"/apis/discovery.k8s.io/v1/{namespace}/endpointslices?",
                     "/api/v1/nodes?fieldSelector=metadata.name%3Dabsent&"):
            version = int(self.api.get(path)["metadata"]["resourceVersion"])
            ask = f"{path}resourceVersionMatch=NotOlderThan&resourceVersion="
            answer = self.api.get(f"{ask}{version}")
            self.assertGreaterEqual(int(answer["metadata"]["resourceVersion"]), version)
            self.assertEqual(answer["items"], [])
            with self.assertRaisesRegex(Refused, "ResourceVersionTooLarge") as refused:
                self.api.get(f"{ask}{version + 1000}")
            self.assertEqual(refused.exception.status, 504)

    def test_an_older_state_takes_back_what_came_after_it(self):
        def is_there(item):
            try:
                return self.api.get(f"/api/v1/namespaces/{item['metadata']['name']}") is not None
            except Refused:
                return False

        early, late = ({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
                       for name in ("early", "late"))
        self.api.create(early)
        self.plane.stop()
        self.plane.save_state("older")
        self.plane.start()
        self.api.create(late)
        self.plane.stop()
        self.plane.restore_state("older")
        self.plane.start()
        self.assertTrue(is_there(early))
        self.assertFalse(is_there(late))

    def test_after_a_restart_another_authority_vouches_for_it(self):
        before = self.plane.serving_authority.certificate
        self.plane.stop_apiserver()
        self.plane.replace_serving_authority()
        self.plane.start_apiserver()
        type(self).api = Api(self.plane.url, self.plane.serving_authority.certificate, self.plane.admin)
        with self.assertRaisesRegex(OSError, "CERTIFICATE_VERIFY_FAILED"):
            Api(self.plane.url, before, self.plane.admin).get("/version")

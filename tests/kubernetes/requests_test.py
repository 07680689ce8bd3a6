# SPDX-License-Identifier: Apache-2.0
"""Every request that the agent makes, compared with what manifests/ grants it."""

import audit
from cluster_test_case import ClusterTestCase

PATIENCE_SECONDS = 120


class RequestsTest(ClusterTestCase):
    def test_they_are_what_rbac_grants(self):
        self.live()
        asked = audit.requests_of(self.plane.audit_log_of(), self.account.user)
        granted = audit.permissions(self.account.rules)
        self.assertEqual([request for request in asked if not self.is_granted(request)], [], "asked for, not granted")
        self.assertEqual(granted - asked, set(), "granted, never asked for")

    def live(self):
        """An agent's whole life: a first start, changes, another token, a restarting API server, a second start."""
        self.agent = self.new_agent()
        self.agent.start().wait_synced()
        self.expect(self.create())
        self.account.revoke_tokens()
        self.account.renew_token()
        self.plane.stop_apiserver()
        self.plane.start_apiserver()
        self.expect(self.create(), PATIENCE_SECONDS)
        self.agent.stop()
        self.agent.start().wait_synced()
        self.expect(self.create())

    def is_granted(self, request):
        return any(audit.grants(rule, request) for rule in self.account.rules)

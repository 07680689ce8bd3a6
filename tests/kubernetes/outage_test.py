# SPDX-License-Identifier: Apache-2.0
"""The API server goes away, comes back, is replaced, or rejects the agent's token: what is served stays served."""

import datetime
import pathlib
import time

import cluster
from agent import faster, health, jumping
from cluster_test_case import ClusterTestCase
from node import eventually

# The waits between attempts and the timeout of a silent server are seconds, as in production.
PATIENCE_SECONDS = 120


class OutageTest(ClusterTestCase):
    def setUp(self):
        self.account.trust(self.plane.serving_authority)
        self.agent = self.new_agent()
        self.agent.start().wait_synced()
        self.served = self.create()
        self.expect(self.served)

    def tearDown(self):
        self.agent.remove()
        self.plane.start()

    def expect_new(self):
        """Waits until a new Service is served."""
        self.expect(self.create(), PATIENCE_SECONDS)

    def expect_unreachable(self):
        """Waits until the agent reports a problem."""
        eventually(self.agent.problems, self.agent.log_tail, PATIENCE_SECONDS)

    def test_an_outage_changes_nothing_and_ends_by_itself(self):
        removed = self.create()
        self.expect(removed)
        self.plane.stop_apiserver()
        self.expect_unreachable()
        for created in (self.served, removed):
            self.assert_served(created)
        self.plane.start_apiserver()
        self.api.delete(removed.service)
        self.expect_new()
        self.expect_gone(removed, PATIENCE_SECONDS)
        self.assert_served(self.served)

    def test_a_restart_of_the_api_server_brings_no_advice_on_rbac(self):
        """A server answers before its authorizer has read the rules: what it forbids then, it allows in a moment."""
        self.plane.stop_apiserver()
        self.expect_unreachable()
        self.plane.start_apiserver()
        self.expect_new()
        self.assertNotIn("the agent needs a ClusterRole", self.agent.log.read_text(errors="replace"))

    def test_ten_minutes_without_an_api_server(self):
        """Ten minutes of the agent's time: its clocks and timers run twenty times as fast."""
        self.agent.remove()
        self.agent.start(faster(20)).wait_synced(PATIENCE_SECONDS)
        removed = self.create()
        self.expect(removed, PATIENCE_SECONDS)
        self.plane.stop_apiserver()
        self.expect_unreachable()
        time.sleep(10 * 60 / 20)
        self.assert_served(self.served)
        self.plane.start_apiserver()
        self.api.delete(removed.service)
        self.expect_new()
        self.expect_gone(removed, PATIENCE_SECONDS)

    def test_a_clock_that_jumps_changes_nothing(self):
        """A jump of the node's wall clock, as by a late NTP; timers use the other clock."""
        clock = pathlib.Path(self.directory) / "clock"
        clock.write_text("+0")
        self.agent.remove()
        self.agent.start(jumping(clock)).wait_synced()
        for jump, hours in (("+1h", 1), ("-1h", -1), ("+0", 0)):
            with self.subTest(jump=jump):
                clock.write_text(jump)
                told = datetime.datetime.fromisoformat(self.agent.status()["answerTime"].replace("Z", "+00:00"))
                self.assertEqual(round((told.timestamp() - time.time()) / 3600), hours, "the agent's clock")
                created = self.create()
                self.expect(created)
                self.api.delete(created.service)
                self.expect_gone(created)
                self.assertEqual(health("/livez")[0], 200)
        self.assertEqual(self.agent.problems(), [])

    def test_what_happened_while_no_agent_ran_is_made_up_for(self):
        removed = self.create()
        self.expect(removed)
        self.agent.stop()
        self.assert_served(removed)
        self.api.delete(removed.service)
        created = self.create()
        self.agent.start()
        self.expect(created)
        self.expect_gone(removed)
        self.assert_served(self.served)

    def test_a_start_without_an_api_server_serves_what_was_known(self):
        self.agent.stop()
        self.plane.stop_apiserver()
        self.agent.start()
        self.expect_unreachable()
        self.assert_served(self.served)
        self.plane.start_apiserver()
        self.expect_new()

    def test_a_node_that_boots_without_an_api_server_serves_its_snapshot(self):
        self.agent.stop()
        self.agent.cleanup()  # no pins, as after a boot
        self.assertNotIn(self.dialler.dial(self.served.address, 80), self.served.answers)
        self.plane.stop_apiserver()
        self.agent.start()
        self.expect(self.served)
        self.plane.start_apiserver()
        self.expect_new()

    def test_an_older_state_is_believed_in_the_end(self):
        self.plane.stop()
        self.plane.save_state("older")
        self.plane.start()
        for turn in range(500):  # so that the server with the older state is behind for a while
            self.api.patch(cluster.node(), {"metadata": {"annotations": {"turn": str(turn)}}})
        later = self.create()
        self.expect(later, PATIENCE_SECONDS)
        self.plane.stop()
        self.plane.restore_state("older")
        self.plane.start()
        self.expect_new()
        self.expect_gone(later, PATIENCE_SECONDS)
        self.assert_served(self.served)

    def test_cuts_in_the_middle_of_changes(self):
        for _ in range(5):
            created = self.create()
            self.plane.stop_apiserver()
            self.plane.start_apiserver()
            self.expect(created, PATIENCE_SECONDS)
        self.assert_served(self.served)

    def test_a_token_that_is_no_longer_valid_is_read_anew(self):
        self.account.revoke_tokens()
        self.plane.stop_apiserver()  # ends the watches, which outlive their token
        self.plane.start_apiserver()
        self.assert_served(self.served)
        self.account.renew_token()
        self.expect_new()

    def test_another_certificate_of_the_same_authority_is_accepted(self):
        self.plane.replace_serving_certificate()
        self.plane.stop_apiserver()
        self.plane.start_apiserver()
        self.expect_new()

    def test_another_authority_is_refused_until_the_file_names_it(self):
        self.plane.stop_apiserver()
        authority = self.plane.replace_serving_authority()
        self.plane.start_apiserver()
        type(self).api = self.new_api()
        created = self.create()
        self.expect_unreachable()
        self.assertNotIn(self.dialler.dial(created.address, 80), created.answers)
        self.assert_served(self.served)
        self.account.trust(authority)
        self.expect(created, PATIENCE_SECONDS)

# SPDX-License-Identifier: Apache-2.0
"""What a cluster is given is what its API server takes."""

import copy

import manifests
from api import Refused
from cluster_test_case import ClusterTestCase


class ManifestsTest(ClusterTestCase):
    def test_the_api_server_takes_every_object_of_every_layout(self):
        for layout, objects in manifests.layouts():
            for thing in objects:
                with self.subTest(layout=layout, kind=thing["kind"], name=thing["metadata"]["name"]):
                    self.api.apply(thing, dry_run=True)

    def test_it_would_refuse_a_misspelt_field(self):
        _, base = next(manifests.layouts())
        daemon_set = copy.deepcopy(next(thing for thing in base if thing["kind"] == "DaemonSet"))
        daemon_set["spec"]["template"]["spec"]["hostNetwrok"] = True
        with self.assertRaisesRegex(Refused, "hostNetwrok"):
            self.api.apply(daemon_set, dry_run=True)

# SPDX-License-Identifier: Apache-2.0
"""The API server accepts what the manifests give to a cluster."""

import copy

import manifests
from api import Refused
from cluster_test_case import ClusterTestCase


class ManifestsTest(ClusterTestCase):
    def test_the_api_server_takes_every_object_of_every_layout(self):
        for layout, objects in manifests.layouts():
            for item in objects:
                with self.subTest(layout=layout, kind=item["kind"], name=item["metadata"]["name"]):
                    self.api.apply(item, dry_run=True)

    def test_it_would_refuse_a_misspelt_field(self):
        _, base = next(manifests.layouts())
        daemon_set = copy.deepcopy(next(item for item in base if item["kind"] == "DaemonSet"))
        daemon_set["spec"]["template"]["spec"]["hostNetwrok"] = True
        with self.assertRaisesRegex(Refused, "hostNetwrok"):
            self.api.apply(daemon_set, dry_run=True)

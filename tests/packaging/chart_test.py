#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Helm chart renders the objects of manifests/base and its components: chart_test.py ROOT."""

import os
import sys
import unittest

import helm_template
import kustomize
import outcome
from switches import comparable, settings

ROOT = sys.argv[1]
MANIFESTS = os.path.join(ROOT, "manifests")
CHART = os.path.join(MANIFESTS, "helm/shunt")


def kustomized(components):
    return kustomize.compose(["base"], [f"components/{name}" for name in components], MANIFESTS)


class Chart(unittest.TestCase):
    maxDiff = None

    def test_every_setting_is_the_kustomization_with_the_same_components(self):
        for values, components in settings():
            with self.subTest(components):
                self.assertEqual(comparable(helm_template.render(CHART, values)), comparable(kustomized(components)))

    def test_the_image_and_further_flags_arrive(self):
        objects = helm_template.render(CHART, {"image": {"repository": "registry.example/shunt", "tag": "1.2",
                                                         "pullPolicy": "Always"}, "extraArgs": ["--observe"]})
        (daemon_set,) = [item for item in objects if item["kind"] == "DaemonSet"]
        (container,) = daemon_set["spec"]["template"]["spec"]["containers"]
        self.assertEqual(container["image"], "registry.example/shunt:1.2")
        self.assertEqual(container["imagePullPolicy"], "Always")
        self.assertEqual(container["args"][-1], "--observe")


if __name__ == "__main__":
    outcome.run()

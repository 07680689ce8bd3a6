#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Alerts use metrics that exist, and each says what to do: alerts_test.py ROOT. A test in userspace/admin compares
docs/metrics.md with what the agent exports."""

import os
import re
import sys
import unittest

import outcome
from outcome import yaml

ROOT = sys.argv[1]


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


class Alerts(unittest.TestCase):
    def setUp(self):
        rule = yaml.safe_load(text_of("manifests/monitoring/prometheus_rule.yaml"))
        self.rules = [rule for group in rule["spec"]["groups"] for rule in group["rules"]]

    def test_every_metric_is_one_that_the_agent_exports(self):
        exported = set(re.findall(r"^\| `(shunt_\w+)`", text_of("docs/metrics.md"), re.MULTILINE))
        asked = {re.sub("_bucket$", "", name) for rule in self.rules for name in re.findall(r"shunt_\w+", rule["expr"])}
        self.assertEqual(asked - exported, set())
        self.assertTrue(asked)

    def test_a_map_that_may_be_full_alerts_nobody(self):
        expression, = (rule["expr"] for rule in self.rules if rule["alert"] == "ShuntMapAlmostFull")
        silent = re.search(r'map!~"([a-z_|]+)"', expression).group(1).split("|")
        maps = re.findall(r"[a-z_]+", " ".join(re.findall(r"^### (.+)$", text_of("docs/maps.md"), re.MULTILINE)))
        self.assertEqual(set(silent) - set(maps), set())
        self.assertIn("affinities", silent)

    def test_a_packet_path_that_never_begins_alerts(self):
        # It has no devices then, so that none of them is missing, and its collector has made no round.
        asked = [rule["expr"] for rule in self.rules]
        self.assertIn("shunt_problems > 0", asked)
        self.assertIn("shunt_devices == 0 and on (instance) shunt_flows_limit > 0", asked)

    def test_the_documents_say_what_to_do_about_each(self):
        section = text_of("docs/operations.md").partition("## Alerts\n")[2].partition("\n## ")[0]
        described = re.findall(r"^\| `(\w+)` \| .+ \|$", section, re.MULTILINE)
        self.assertEqual(sorted(described), sorted(rule["alert"] for rule in self.rules))


if __name__ == "__main__":
    outcome.run()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Helm chart renders the objects of manifests/base and its components: chart_test.py ROOT."""

import json
import os
import re
import sys
import unittest

import helm_template
import kustomize
import outcome
from outcome import yaml
from switches import alike, settings

ROOT = sys.argv[1]
MANIFESTS = os.path.join(ROOT, "manifests")
CHART = os.path.join(MANIFESTS, "helm/shunt")


def kustomized(components):
    return kustomize.compose(["base"], [f"components/{name}" for name in components], MANIFESTS)


def named(objects, name, kind="DaemonSet"):
    (found,) = [item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    return found


def template_with(values, name="shunt"):
    return named(helm_template.render(CHART, values), name)["spec"]["template"]


def container_with(values):
    (container,) = template_with(values)["spec"]["containers"]
    return container


class Chart(unittest.TestCase):
    maxDiff = None

    def test_every_setting_is_the_kustomization_with_the_same_components(self):
        for values, components in settings():
            with self.subTest(components):
                self.assertEqual(alike(helm_template.render(CHART, values)), alike(kustomized(components)))

    def test_the_image_and_further_flags_arrive(self):
        container = container_with({"image": {"repository": "registry.example/shunt", "tag": "1.2",
                                              "pullPolicy": "Always"}, "extraArgs": ["--observe"]})
        self.assertEqual(container["image"], "registry.example/shunt:1.2")
        self.assertEqual(container["imagePullPolicy"], "Always")
        self.assertEqual(container["args"][-1], "--observe")

    def test_an_image_by_its_digest_and_the_secrets_to_pull_it_reach_every_pod(self):
        digest = "sha256:" + "5" * 64
        values = {"image": {"digest": digest}, "imagePullSecrets": [{"name": "registry"}]}
        for name in ("shunt", "shunt-cleanup", "shunt-uninstall"):
            pod = template_with(values, name)["spec"]
            self.assertEqual(pod["containers"][0]["image"], f"shunt@{digest}", name)
            self.assertEqual(pod["imagePullSecrets"], [{"name": "registry"}], name)

    def test_a_changed_configuration_changes_the_pods(self):
        def mark(values):
            return template_with(values)["metadata"]["annotations"]["checksum/configuration"]
        self.assertEqual(mark({}), mark({"podAnnotations": {"a": "b"}}))
        self.assertNotEqual(mark({}), mark({"configuration": {"logging": {"verbosity": 4}}}))

    def test_what_a_cluster_asks_of_its_pods_arrives(self):
        values = {"podAnnotations": {"a": "1"}, "podLabels": {"team": "net"}, "nodeSelector": {"pool": "x"},
                  "tolerations": [{"key": "k", "operator": "Exists"}], "affinity": {"nodeAffinity": None, "x": {}},
                  "priorityClassName": "mine", "podSecurityContext": {"seLinuxOptions": {"type": "spc_t"}},
                  "securityContext": {"privileged": False}, "resources": {"limits": {"memory": "1Gi"}}}
        template = template_with(values)
        pod, container = template["spec"], template["spec"]["containers"][0]
        self.assertEqual(template["metadata"]["annotations"]["a"], "1")
        self.assertEqual(template["metadata"]["labels"], {"app.kubernetes.io/name": "shunt", "team": "net"})
        self.assertEqual(pod["nodeSelector"], {"kubernetes.io/os": "linux", "pool": "x"})
        self.assertEqual(pod["tolerations"], values["tolerations"])
        self.assertEqual(pod["affinity"], values["affinity"])
        self.assertEqual(pod["priorityClassName"], "mine")
        self.assertEqual(pod["securityContext"], {"seccompProfile": {"type": "RuntimeDefault"},
                                                  "seLinuxOptions": {"type": "spc_t"}})
        self.assertIs(container["securityContext"]["privileged"], False)
        self.assertEqual(container["securityContext"]["capabilities"]["add"], ["BPF", "NET_ADMIN", "PERFMON"])
        self.assertEqual(container["resources"]["limits"], {"memory": "1Gi"})

    def test_ports_are_those_of_the_flags_and_probes_follow(self):
        container = container_with({"besideKubeProxy": True, "metrics": {"address": "0.0.0.0"},
                                    "healthz": {"address": "[::]", "port": 9999}})
        self.assertIn("--healthz-bind-address=[::]:9999", container["args"])
        self.assertIn("--metrics-bind-address=0.0.0.0:10349", container["args"])
        self.assertEqual({port["name"]: port["containerPort"] for port in container["ports"]},
                         {"healthz": 9999, "metrics": 10349})
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            self.assertEqual(container[probe]["httpGet"]["port"], "healthz")
        with self.assertRaisesRegex(helm_template.Failure, "set healthz and metrics"):
            container_with({"configuration": {"healthzBindAddress": "0.0.0.0:1"}})

    def test_an_api_server_and_the_packet_path_are_flags(self):
        self.assertFalse([flag for flag in container_with({})["args"] if re.match("--(api-server|devices|pod-devices)", flag)])
        values = {"apiServers": ["https://192.0.2.1:6443", "https://[2001:db8::1]:6443"], "packetPath": True}
        flags = container_with(values)["args"]
        for url in values["apiServers"]:
            self.assertIn(f"--api-server={url}", flags)
        self.assertLess(flags.index("--devices=auto"), flags.index("--pod-devices=auto"))

    def test_health_check_node_ports_are_kube_proxys_beside_it(self):
        off = "--health-check-node-ports=off"
        for beside, value, left in ((False, "auto", False), (True, "auto", True), (True, "on", False),
                                    (False, "off", True)):
            args = container_with({"besideKubeProxy": beside, "healthCheckNodePorts": value})["args"]
            self.assertEqual(off in args, left, (beside, value))

    def test_the_dead_mans_switch_is_off_unless_its_time_is_given(self):
        self.assertFalse([flag for flag in container_with({})["args"] if "stale" in flag])
        for value in ("10m", "off"):
            self.assertIn(f"--stale-after={value}", container_with({"staleAfter": value})["args"])

    def test_the_pod_monitor_is_the_manifests_and_finds_the_named_port(self):
        with open(os.path.join(MANIFESTS, "monitoring/pod_monitor.yaml"), encoding="utf-8") as file:
            expected = yaml.safe_load(file)
        objects = helm_template.render(CHART, {"podMonitor": {"enabled": True}, "metrics": {"address": "0.0.0.0"}})
        monitor = named(objects, "shunt", "PodMonitor")
        self.assertEqual(monitor, expected)
        template = named(objects, "shunt")["spec"]["template"]
        self.assertEqual(monitor["spec"]["selector"]["matchLabels"], template["metadata"]["labels"])
        self.assertIn(monitor["spec"]["podMetricsEndpoints"][0]["port"],
                      [port["name"] for port in template["spec"]["containers"][0]["ports"]])
        with self.assertRaisesRegex(helm_template.Failure, "cannot reach the metrics"):
            helm_template.render(CHART, {"podMonitor": {"enabled": True}})


class WayOut(unittest.TestCase):
    def test_an_uninstalled_release_leaves_what_cleans_every_node(self):
        hook = named(helm_template.render(CHART), "shunt-uninstall")
        self.assertEqual(hook["metadata"]["annotations"]["helm.sh/hook"], "post-delete")
        pod = dict(hook["spec"]["template"]["spec"])
        self.assertEqual(pod.pop("nodeSelector"), {"kubernetes.io/os": "linux"})
        by_label = dict(template_with({}, "shunt-cleanup")["spec"])
        self.assertEqual(by_label.pop("nodeSelector")["shunt-lb.io/serve"], "no")
        self.assertEqual(pod, by_label)
        self.assertNotIn("serviceAccountName", pod, "the release's is gone by then")
        without = helm_template.render(CHART, {"cleanup": {"onUninstall": False}})
        self.assertFalse([item for item in without if helm_template.is_hook(item)])

    def test_no_agent_is_installed_where_an_uninstalled_release_still_cleans(self):
        def install(left_in, values=None):
            return helm_template.render(CHART, values, "networking", [{**cleaner, "metadata": {**cleaner["metadata"],
                                                                                               "namespace": left_in}}])
        cleaner = named(helm_template.render(CHART), "shunt-uninstall")
        with self.assertRaisesRegex(helm_template.Failure, "shunt-uninstall .* is still in namespace networking: .*"
                                    "kubectl -n networking delete daemonset shunt-uninstall --cascade=foreground$"):
            install("networking")
        self.assertTrue(named(install("kube-system"), "shunt"))
        self.assertTrue(named(install("networking", {"cleanup": {"now": True}}), "shunt-cleanup"), "both clean")

    def test_cleanup_replaces_the_agent_on_every_node(self):
        objects = helm_template.render(CHART, {"cleanup": {"now": True}})
        self.assertEqual([item["metadata"]["name"] for item in objects
                          if item["kind"] == "DaemonSet" and not helm_template.is_hook(item)], ["shunt-cleanup"])
        pod = named(objects, "shunt-cleanup")["spec"]["template"]["spec"]
        self.assertEqual(pod["nodeSelector"], {"kubernetes.io/os": "linux"})
        self.assertFalse([item for item in objects if helm_template.is_hook(item)], "all nodes are clean by then")

    def test_the_notes_say_what_stays_behind(self):
        said = helm_template.notes(CHART)
        for words in ("stays in force without it", "serve=no", "cleanup.now=true", "daemonset shunt-uninstall"):
            self.assertIn(words, said)
        for value in ("", "off"):
            alone = helm_template.notes(CHART, {"cleanup": {"onUninstall": False}, "staleAfter": value})
            self.assertIn("without end", alone)
        switched = helm_template.notes(CHART, {"cleanup": {"onUninstall": False}, "staleAfter": "10m"})
        self.assertIn("10m after the agent's end", switched)
        self.assertIn("rollout status daemonset/shunt-cleanup", helm_template.notes(CHART, {"cleanup": {"now": True}}))


# Durations that shuntd accepts (options_test.cc), in whatever unit.
OTHER_UNITS = ("600000ms", "10000ms", "2592000000ms", "2592000s", "1000000s", "43200m", "36000.5m", "0.5h", ".5h",
               "0.5m", "1h90m", "100s500ms", "1h30m20s100ms")


class Schema(unittest.TestCase):
    def test_it_knows_every_value_and_no_other(self):
        with open(os.path.join(CHART, "values.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
            values = yaml.safe_load(file)
        self.compare(schema, {**values, "global": {}}, "values")

    def test_it_refuses_a_silence_that_shuntd_would_refuse(self):
        with open(os.path.join(CHART, "values.schema.json"), encoding="utf-8") as file:
            pattern = json.load(file)["properties"]["staleAfter"]["pattern"]
        for value in ("", "off", "10s", "90s", "10m", "1m30s", "1.5h", "1h30m", "24h", "720h", *OTHER_UNITS):
            self.assertRegex(value, pattern)
        for value in ("5s", "9.9s", "0", "10", "offs", "false", "0s", "9999ms", "721h", "720h1s", "1000h", "10m5", "m",
                      "43201m", "43200m1s", "99999m", "2592001s", "2592000001ms", "0.1m", "10000"):
            self.assertNotRegex(value, pattern)

    def compare(self, schema, value, path):
        """Checks that `schema` has the default's type and, where it is closed, exactly its fields."""
        kinds = {"object": dict, "string": str, "boolean": bool, "integer": int, "array": list}
        if "enum" in schema:
            self.assertIn(value, schema["enum"], path)
            return
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        self.assertIn(type(value), [kinds[name] for name in types], path)
        if schema.get("additionalProperties") is False:
            self.assertEqual(set(schema["properties"]), set(value), path)
            for name, inner in schema["properties"].items():
                self.compare(inner, value[name], f"{path}.{name}")


if __name__ == "__main__":
    outcome.run()

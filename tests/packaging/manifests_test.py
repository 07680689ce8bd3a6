#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What manifests/ asks a cluster for: manifests_test.py ROOT SHUNTD. It asks for the documented privileges only, and
for flags and a configuration that the agent of this build understands."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import kustomize
import outcome
from outcome import yaml

ROOT, SHUNTD = sys.argv[1:3]
MANIFESTS = os.path.join(ROOT, "manifests")
BASE = os.path.join(MANIFESTS, "base")
KUBEADM = os.path.join(MANIFESTS, "overlays/kubeadm")
KIND = os.path.join(MANIFESTS, "overlays/kind")
STANDALONE = os.path.join(MANIFESTS, "overlays/standalone")
KUBEADM_STANDALONE = os.path.join(MANIFESTS, "overlays/kubeadm-standalone")
CLEANUP = os.path.join(MANIFESTS, "overlays/cleanup")
EVERY = (BASE, KUBEADM, KIND, STANDALONE, KUBEADM_STANDALONE, CLEANUP)
AGENT, CLEANER = "shunt", "shunt-cleanup"

CAPABILITIES = ["BPF", "NET_ADMIN", "PERFMON"]
# Besides the configuration: where the maps are pinned, where programs attach, the list of reserved ports, the admin
# socket, the snapshot.
HOST_PATHS = {AGENT: {"/sys/fs/bpf", "/sys/fs/cgroup", "/proc/sys/net", "/run/shunt", "/var/lib/shunt"},
              CLEANER: {"/sys/fs/bpf", "/sys/fs/cgroup", "/proc/sys/net"}}


def only(objects, kind):
    found = [item for item in objects if item["kind"] == kind]
    assert len(found) == 1, f"{len(found)} of kind {kind}"
    return found[0]


def daemon_set_of(objects, name):
    return only([item for item in objects if item["metadata"]["name"] == name], "DaemonSet")


def pod_of(objects, name=AGENT):
    return daemon_set_of(objects, name)["spec"]["template"]["spec"]


def container_of(objects, name=AGENT):
    (container,) = pod_of(objects, name)["containers"]
    return container


def every_pod():
    """Yields (directory, DaemonSet's name, pod template) of all that is shipped."""
    for directory in EVERY:
        objects = kustomize.build(directory)
        for name in (AGENT, CLEANER):
            yield directory, name, pod_of(objects, name)


def with_component(name):
    """Returns base with one component, as a user's overlay would."""
    return kustomize.compose(["base"], [f"components/{name}"], MANIFESTS)


class Privilege(unittest.TestCase):
    def test_the_container_may_do_what_is_documented_and_nothing_else(self):
        for directory, name, pod in every_pod():
            with self.subTest(directory, daemon_set=name):
                self.assertFalse({"hostPID", "hostIPC", "initContainers", "shareProcessNamespace"} & set(pod))
                self.assertEqual(pod["securityContext"], {"seccompProfile": {"type": "RuntimeDefault"}})
                self.assertEqual(pod["containers"][0]["securityContext"], {
                    "runAsUser": 0, "runAsGroup": 0, "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"], "add": CAPABILITIES}})

    def test_ending_sockets_in_pods_adds_one_capability_and_one_directory(self):
        container = container_of(with_component("end-sockets"))
        self.assertEqual(container["securityContext"]["capabilities"]["add"], CAPABILITIES + ["SYS_ADMIN"])
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        base = {mount["mountPath"] for mount in container_of(kustomize.build(BASE))["volumeMounts"]}
        self.assertEqual(mounts - base, {"/run/netns"})

    def test_host_directories_are_the_documented_ones_and_the_cgroups_are_read_only(self):
        for directory, name, pod in every_pod():
            with self.subTest(directory, daemon_set=name):
                paths = {volume["hostPath"]["path"]: volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
                self.assertEqual(set(paths), HOST_PATHS[name])
                mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
                self.assertTrue(mounts[paths["/sys/fs/cgroup"]]["readOnly"])
                bpffs = mounts[paths["/sys/fs/bpf"]]
                self.assertEqual(bpffs["mountPropagation"], "HostToContainer")
                self.assertIn("--bpffs=" + bpffs["mountPath"], pod["containers"][0]["args"])
                self.assertFalse([mount for mount in mounts.values()
                                  if mount["mountPath"].startswith(("/sys", "/proc"))], "AppArmor would deny writes")

    def test_the_service_account_lists_and_watches_three_resources(self):
        objects = kustomize.build(BASE)
        granted = {(group, resource): tuple(rule["verbs"])
                   for rule in only(objects, "ClusterRole")["rules"]
                   for group in rule["apiGroups"] for resource in rule["resources"]}
        self.assertEqual(granted, {("", "services"): ("list", "watch"), ("", "nodes"): ("list", "watch"),
                                   ("discovery.k8s.io", "endpointslices"): ("list", "watch")})
        self.assertIs(pod_of(objects, CLEANER)["automountServiceAccountToken"], False)
        self.assertEqual({item["kind"] for item in objects},
                         {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet"})

    def test_the_documents_name_every_capability(self):
        with open(os.path.join(ROOT, "docs/operations.md"), encoding="utf-8") as file:
            section = file.read().partition("## Capabilities")[2].partition("\n## ")[0]
        for name in CAPABILITIES + ["SYS_ADMIN"]:
            self.assertIn(f"`CAP_{name}`", section)


class Agent(unittest.TestCase):
    def test_it_knows_every_flag(self):
        for directory, _, pod in every_pod():
            verb, *flags = pod["containers"][0]["args"]
            known = subprocess.run([SHUNTD, verb, "--help"], check=True, capture_output=True, text=True).stdout
            self.assertIn(f"shuntd {verb} ", known)
            for name in [flag.split("=")[0] for flag in flags]:
                with self.subTest(directory, flag=name):
                    self.assertTrue(re.search(re.escape(name) + r"\b", known) or self.is_of_a_later_version(verb, name))

    def is_of_a_later_version(self, verb, flag):
        """Returns whether the agent refuses the flag by name, so that this build lacks it."""
        done = subprocess.run([SHUNTD, verb, flag, "x"], check=False, capture_output=True, text=True)
        return done.returncode == 2 and f"{flag}: not in this version" in done.stderr

    def test_it_understands_its_configuration(self):
        status, said = self.status_with(only(kustomize.build(BASE), "ConfigMap")["data"]["shuntd.yaml"])
        self.assertEqual((status, "is not in a BPF file system" in said), (1, True), said)

    def test_a_field_that_it_does_not_know_would_be_found(self):
        text = only(kustomize.build(BASE), "ConfigMap")["data"]["shuntd.yaml"] + "misspelt: 1\n"
        status, said = self.status_with(text)
        self.assertEqual((status, "unknown field misspelt" in said), (2, True), said)

    def status_with(self, text):
        """Returns exit status and error of a verb that reads the file before it refuses a path that is not a bpffs."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "shuntd.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run([SHUNTD, "cleanup", "--config", path, "--bpffs", directory], check=False,
                                  capture_output=True, text=True)
        return done.returncode, done.stderr


class Shuntctl(unittest.TestCase):
    """What tools/shuntctl takes for given of the agent's pod."""

    def test_it_finds_the_pins_in_the_container(self):
        container = container_of(kustomize.build(BASE))
        variables = {variable["name"]: variable.get("value") for variable in container["env"]}
        self.assertIn(f"--bpffs={variables['SHUNT_BPFFS']}", container["args"])

    def test_it_finds_the_pod_of_a_node(self):
        with open(os.path.join(ROOT, "tools/shuntctl/kubectl.cc"), encoding="utf-8") as file:
            constants = dict(re.findall(r'constexpr char (k\w+)\[\] = "(.*)";', file.read()))
        labels = [item["spec"]["template"]["metadata"]["labels"] for item in kustomize.build(BASE)
                  if item["kind"] == "DaemonSet" and item["metadata"]["name"] == "shunt"]
        name, value = constants["kLabel"].split("=")
        self.assertEqual([label[name] for label in labels], [value])
        self.assertEqual(container_of(kustomize.build(BASE))["name"], constants["kContainer"])


class Pod(unittest.TestCase):
    def test_it_outlives_other_pods_and_runs_on_every_linux_node(self):
        pod = pod_of(kustomize.build(BASE))
        self.assertEqual(pod["priorityClassName"], "system-node-critical")
        self.assertEqual(pod["tolerations"], [{"operator": "Exists"}])
        self.assertEqual(pod["nodeSelector"], {"kubernetes.io/os": "linux"})
        self.assertTrue(pod["hostNetwork"])
        self.assertEqual(pod["dnsPolicy"], "Default")

    def test_no_probe_asks_whether_there_is_an_api_server(self):
        container = container_of(kustomize.build(BASE))
        for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
            self.assertEqual(container[probe]["httpGet"], {"path": path, "port": "healthz"})

    def test_its_named_ports_are_the_agents(self):
        for directory in EVERY:
            container = container_of(kustomize.build(directory))
            given = dict(re.findall(r"--(healthz|metrics)-bind-address=[\d.]+:(\d+)", " ".join(container["args"])))
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            self.assertEqual(ports, {"healthz": int(given.get("healthz", 10256)),
                                     "metrics": int(given.get("metrics", 10249))}, directory)

    def test_beside_kube_proxy_no_port_is_its(self):
        container = container_of(kustomize.build(KUBEADM))
        ports = re.findall(r"bind-address=[\d.]+:(\d+)", " ".join(container["args"]))
        self.assertEqual(ports, ["10356", "10349"])
        self.assertIn("--health-check-node-ports=off", container["args"])

    def test_without_kube_proxy_its_ports_are_the_agents_and_packets_are_served(self):
        for directory in (STANDALONE, KUBEADM_STANDALONE):
            container = container_of(kustomize.build(directory))
            flags = container["args"]
            self.assertIn("--devices=auto", flags)
            self.assertIn("--pod-devices=auto", flags)
            self.assertFalse([flag for flag in flags if "bind-address" in flag or "health-check" in flag], directory)
            self.assertEqual([port["containerPort"] for port in container["ports"]], [10256, 10249])
            # The address in $KUBERNETES_SERVICE_HOST would be a ClusterIP.
            self.assertEqual(len([flag for flag in flags if re.match("--(kubeconfig|api-server)=", flag)]), 1, directory)

    def test_only_who_replaces_kube_proxy_takes_packets_by_default(self):
        for directory in (BASE, KUBEADM, KIND, CLEANUP):
            flags = container_of(kustomize.build(directory))["args"]
            self.assertFalse([flag for flag in flags if "devices" in flag], directory)

    def test_every_mount_has_its_volume(self):
        for pod in [pod for _, _, pod in every_pod()] + [pod_of(with_component("end-sockets"))]:
            mounts = [mount["name"] for mount in pod["containers"][0]["volumeMounts"]]
            self.assertEqual(sorted(mounts), sorted(volume["name"] for volume in pod["volumes"]))

    def test_a_changed_configuration_changes_the_pods(self):
        objects = kustomize.build(BASE)
        name = only(objects, "ConfigMap")["metadata"]["name"]
        self.assertRegex(name, r"^shunt-[a-z0-9]{10}$")
        self.assertIn({"name": "configuration", "configMap": {"name": name}}, pod_of(objects)["volumes"])

    def test_a_node_has_the_agent_or_with_the_label_what_cleans_it(self):
        objects = kustomize.build(BASE)
        affinity = pod_of(objects)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        (term,) = affinity["nodeSelectorTerms"]
        self.assertEqual(term["matchExpressions"], [{"key": "shunt-lb.io/serve", "operator": "NotIn", "values": ["no"]}])
        cleaner = pod_of(objects, CLEANER)
        self.assertEqual(cleaner["nodeSelector"], {"kubernetes.io/os": "linux", "shunt-lb.io/serve": "no"})
        self.assertEqual(cleaner["tolerations"], pod_of(objects)["tolerations"])
        self.assertFalse(daemon_set_of(objects, AGENT)["spec"]["selector"]["matchLabels"].items()
                         <= daemon_set_of(objects, CLEANER)["spec"]["template"]["metadata"]["labels"].items())

    def test_the_way_back_replaces_the_agent_on_all_nodes_and_says_when_it_is_done(self):
        objects = kustomize.build(CLEANUP)
        self.assertEqual(pod_of(objects)["nodeSelector"]["shunt-lb.io/serve"], "nowhere")
        cleaner = daemon_set_of(objects, CLEANER)
        self.assertEqual(pod_of(objects, CLEANER)["nodeSelector"], {"kubernetes.io/os": "linux"})
        self.assertEqual(container_of(objects, CLEANER)["args"], ["cleanup", "--stay", "--bpffs=/host/bpf"])
        # `kubectl rollout status` waits for available pods, and a pod that cannot clean ends at once.
        self.assertGreater(cleaner["spec"]["minReadySeconds"], 0)
        self.assertEqual(cleaner["spec"]["updateStrategy"]["rollingUpdate"], {"maxUnavailable": "100%"})
        base = daemon_set_of(kustomize.build(BASE), CLEANER)
        self.assertEqual((cleaner["metadata"], cleaner["spec"]["selector"]), (base["metadata"], base["spec"]["selector"]))

    def test_the_image_has_the_version_of_this_tree(self):
        with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
            version = re.search(r"project\(shunt VERSION ([\d.]+)", file.read()).group(1)
        self.assertEqual(container_of(kustomize.build(BASE))["image"], f"shunt:{version}")


if __name__ == "__main__":
    outcome.run()

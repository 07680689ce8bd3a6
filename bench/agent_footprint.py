# SPDX-License-Identifier: Apache-2.0
"""What a running agent costs: shuntd serves manifests of a synthetic cluster, in a bpffs and a cgroup given to it."""
import json, os, pathlib, signal, subprocess, sys, time

from ground import ENDS_WITH_US
from kube_proxy_rules import Cluster

SERVICES_PER_FILE = 500  # keeps a file below the agent's cap on their size
START_SECONDS_MAX = 300


def write_manifests(directory, services, endpoints):
    cluster = Cluster(services, endpoints)
    for first in range(0, services, SERVICES_PER_FILE):
        items = []
        for i in range(first, min(first + SERVICES_PER_FILE, services)):
            name = f"service-{i}"
            items.append({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "bench", "name": name},
                          "spec": {"clusterIPs": [str(cluster.service_address(i))], "ports": [{"name": "http", "port": 80}]}})
            items.append({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"namespace": "bench", "name": f"{name}-x", "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}],
                "endpoints": [{"addresses": [str(cluster.endpoint_address(i, j))], "nodeName": "node-1",
                               "conditions": {"ready": True},
                               "targetRef": {"kind": "Pod", "namespace": "bench", "name": f"{name}-{j}"}}
                              for j in range(endpoints)]})
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        (directory / f"services-{first}.json").write_text(text)


def write_configuration(path, services, endpoints):
    """Keeps the default limits where they suffice."""
    text = "apiVersion: shunt-lb.io/v1alpha1\nkind: ShuntConfiguration\n"
    if services * endpoints > 100_000:
        rows = services * endpoints
        text += (f"limits: {{frontends: {3 * services}, servicePorts: {2 * services}, pools: {2 * services}, "
                 f"slots: {rows + rows // 4}, backends: {rows + rows // 4}}}\n")
    path.write_text(text)


def resident(pid):
    """Returns two figures in MiB: all resident memory, and the part of it without mapped maps and program text."""
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
    return [int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")]


def cpu_seconds(pid):
    utime, stime = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13]
    return (int(utime) + int(stime)) / os.sysconf("SC_CLK_TCK")


def measure(build, directory, bpffs, cgroup, services, endpoints):
    """Runs shuntd until it has applied everything; returns figures by name."""
    directory = pathlib.Path(directory) / f"agent-{services}"
    manifests, socket = directory / "manifests", directory / "admin.sock"
    manifests.mkdir(parents=True)
    write_manifests(manifests, services, endpoints)
    write_configuration(directory / "shuntd.yaml", services, endpoints)
    start = time.monotonic()
    agent = subprocess.Popen(
        [*ENDS_WITH_US, build / "userspace/agent/shuntd", "run", "--config", directory / "shuntd.yaml",
         "--manifests", manifests, "--bpffs", bpffs, "--cgroup", cgroup, "--admin-socket", socket, "--node-name", "node-1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def ask(*command):
        return subprocess.run([build / "tools/shuntctl/shuntctl", "-s", socket, "-j", *command],
                              capture_output=True, text=True, check=False).stdout

    try:
        while not (status := json.loads(ask("status") or "{}")).get("synced"):
            if agent.poll() is not None or time.monotonic() - start > START_SECONDS_MAX:
                sys.exit(f"bench: shuntd does not get ready: {agent.stderr.read() if agent.poll() else 'time is up'}")
            time.sleep(0.05)
        figures = {"start_s": time.monotonic() - start, "cpu_s": cpu_seconds(agent.pid)}
        if (status["services"], status["failedServices"]) != (services, 0):
            sys.exit(f"bench: shuntd serves {status['services']} of {services} services")
        figures["resident_mib"], figures["own_mib"] = resident(agent.pid)
        figures["maps_mib"] = sum(int(fill["memoryBytes"]) for fill in status["maps"]) / 2**20
        return figures
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(30)
        subprocess.run([build / "userspace/agent/shuntd", "cleanup", "--bpffs", bpffs, "--cgroup", cgroup],
                       check=True, capture_output=True)

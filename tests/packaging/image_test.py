#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the image that `make image` builds, and the agent in it with exactly the manifest's privileges: image_test.py
ROOT SHUNTD SHUNTCTL. Runs in network and mount namespaces, on a bpffs and in a cgroup of its own."""

import contextlib
import http.server
import json
import os
import queue
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request

import container
import kustomize
import outcome

ROOT, SHUNTD, SHUNTCTL = sys.argv[1:4]
sys.path.insert(0, os.path.join(ROOT, "packaging/image"))
import library_source  # pylint: disable=wrong-import-position,import-error

BUILD = os.path.join(ROOT, "packaging/image/build_image.py")
MANIFESTS = os.path.join(ROOT, "manifests")
SERVICE = ("10.96.0.10", 80)
BACKEND = ("10.244.1.7", 8080)
CLUSTER = """
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec: {{clusterIPs: [10.96.0.10], ports: [{{port: 80, protocol: {protocol}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: web-1, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}
addressType: IPv4
ports: [{{port: 8080, protocol: {protocol}}}]
endpoints: [{{addresses: [{backend}], conditions: {{ready: true}}}}]
"""
# Runs in a pod: waits on a UDP socket that is connected to the Service, and prints the result.
WAIT = f"""
import errno, socket
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(60)
client.connect({SERVICE})
print("connected", flush=True)
try:
    print(client.recv(1))
except OSError as error:
    print(errno.errorcode.get(error.errno, error))
"""

# Beside abseil's, one for each of its parts. A library more is one more to keep up to date on every node: say what
# calls it.
LIBRARIES = {
    "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6",
    "libbpf.so.1", "libelf.so.1", "libz.so.1",
    "libcurl.so.4", "libssl.so.3", "libcrypto.so.3",
    "libgrpc++.so.1.51", "libgrpc++_reflection.so.1.51", "libgrpc.so.29", "libgpr.so.29", "libupb.so.29",
    "libaddress_sorting.so.29", "libcares.so.2", "libre2.so.9", "libprotobuf.so.32",
    "libyaml-cpp.so.0.7", "libspdlog.so.1.10", "libfmt.so.9", "libprometheus-cpp-core.so.1.0",
}


def pod_of(objects, name="shunt"):
    (daemon_set,) = [item for item in objects if (item["kind"], item["metadata"]["name"]) == ("DaemonSet", name)]
    return daemon_set["spec"]["template"]["spec"]


POD = pod_of(kustomize.build(os.path.join(MANIFESTS, "base")))
CLEANUP = pod_of(kustomize.build(os.path.join(MANIFESTS, "overlays/cleanup")), "shunt-cleanup")


def build(output):
    subprocess.run([sys.executable, "-B", BUILD, "--output", output, SHUNTD, SHUNTCTL], check=True)
    with open(os.path.join(output, "shunt.tar"), "rb") as file:
        return file.read()


def text_of(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as file:
        return file.read()


class Image(unittest.TestCase):
    def test_it_is_the_same_to_the_byte_when_built_again(self):
        self.assertEqual(build(os.path.join(SCRATCH, "again")), IMAGE)

    def test_its_files_are_nobodys_to_write_and_no_program_gives_privilege(self):
        files = container.members(os.path.join(SCRATCH, "first/shunt.tar"))
        self.assertIn("usr/sbin/shuntd", [file.name for file in files])
        for file in files:
            self.assertEqual((file.uid, file.gid), (65532, 65532), file.name)
            if not file.issym():
                self.assertFalse(file.mode & 0o7222, file.name)

    def test_it_holds_no_shell_and_two_programs(self):
        programs = [name for directory in ("usr/bin", "usr/sbin") for name in os.listdir(os.path.join(TREE, directory))]
        self.assertEqual(sorted(programs), ["shuntctl", "shuntd"])
        self.assertEqual(CONFIGURATION["Entrypoint"], ["/usr/sbin/shuntd"])

    def test_it_holds_the_libraries_that_something_calls(self):
        libraries = {name for _, _, names in os.walk(os.path.join(TREE, "usr/lib")) for name in names}
        libraries |= {name for _, _, names in os.walk(os.path.join(TREE, "usr/lib64")) for name in names}
        self.assertIn("libcurl.so.4", libraries)
        self.assertEqual({name for name in libraries if not name.startswith("libabsl_")} - LIBRARIES, set())

    def test_its_bill_says_which_source_was_built_otherwise_than_by_debian(self):
        bill = json.loads(text_of("usr/share/doc/shunt/sbom.spdx.json"))
        (built,) = [package for package in bill["packages"] if "comment" in package]
        source = library_source.find(library_source.DIRECTORY, library_source.installed_version())
        version = library_source.version_of(source)
        self.assertEqual((built["name"], built["versionInfo"], built["licenseDeclared"]), ("libcurl4", version, "curl"))
        self.assertIn(f"Debian source package curl {version};", built["sourceInfo"])
        locator = built["externalRefs"][0]["referenceLocator"]
        self.assertEqual(urllib.parse.unquote(locator), f"pkg:deb/debian/curl@{version}?arch=source")
        self.assertIn("License: curl\n", text_of("usr/share/doc/libcurl4/copyright"))
        # Scanners look the source package's version up. What Debian's build depends on is not there.
        status = text_of("var/lib/dpkg/status.d/libcurl4")
        self.assertIn(f"\nSource: curl\nVersion: {version}\nDescription: {built['comment']}\n", status)
        self.assertNotIn("Depends", status)

    def test_its_bill_names_every_package_with_its_version(self):
        bill = json.loads(text_of("usr/share/doc/shunt/sbom.spdx.json"))
        versions = {package["name"]: package["versionInfo"] for package in bill["packages"]}
        status = os.path.join(TREE, "var/lib/dpkg/status.d")
        for name in os.listdir(status):
            self.assertIn(f"\nVersion: {versions[name]}\n", text_of(f"var/lib/dpkg/status.d/{name}"))
        self.assertLessEqual({"shunt", "libc6", "libgrpc++1.51", "ca-certificates", "nlohmann-json3-dev"}, set(versions))
        urls = [reference["referenceLocator"] for package in bill["packages"] for reference in package["externalRefs"]]
        self.assertTrue([url for url in urls if url.startswith("pkg:deb/debian/libgrpc%2B%2B1.51@")], urls)
        related = {relation["relatedSpdxElement"] for relation in bill["relationships"]}
        self.assertEqual(related, {package["SPDXID"] for package in bill["packages"]})


class Agent(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(dir=SCRATCH)
        self.host = {"/sys/fs/bpf": os.path.join(SCRATCH, "bpffs"), "/sys/fs/cgroup": CGROUP,
                     "/proc/sys/net": "/proc/sys/net", "/run/netns": os.path.join(SCRATCH, "netns")}
        for path in ("/run/shunt", "/var/lib/shunt", "shunt", "manifests"):
            self.host[path] = os.path.join(self.directory, path.replace("/", "_"))
            os.mkdir(self.host[path])
        objects = kustomize.build(os.path.join(MANIFESTS, "base"))
        (configuration,) = [item for item in objects if item["kind"] == "ConfigMap"]
        self.host[configuration["metadata"]["name"]] = self.host["shunt"]
        for name, text in configuration["data"].items():
            with open(os.path.join(self.host["shunt"], name), "w", encoding="utf-8") as file:
                file.write(text)
        self.serve("TCP", BACKEND[0])

    def serve(self, protocol, backend):
        path = os.path.join(self.host["manifests"], "web.yaml")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(CLUSTER.format(protocol=protocol, backend=backend))
        os.replace(path + ".new", path)

    def container(self, pod=POD):
        return container.Container(self.directory, TREE, CONFIGURATION, pod, self.host,
                                   [(self.host["manifests"], "/manifests")])

    def clean_up(self):
        cleaner = self.container(CLEANUP)
        self.addCleanup(cleaner.remove, "shunt-cleanup")
        process = cleaner.start("shunt-cleanup", CLEANUP["containers"][0]["args"])
        self.addCleanup(process.stdout.close)
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("clean; waiting"):
                break
        self.assertIn("removed /host/bpf/shunt\n", said)
        cleaner.signal("shunt-cleanup", "TERM")
        self.assertEqual(process.wait(), 0, process.stdout.read())

    def start(self, agent, pod=POD):
        """Starts the agent and returns its process once everything is applied."""
        arguments = [*pod["containers"][0]["args"], "--manifests=/manifests", "--cgroup=/host/cgroup"]
        self.addCleanup(agent.remove, "shunt-agent")
        process = agent.start("shunt-agent", arguments)
        self.addCleanup(process.stdout.close)
        said = ""
        for line in process.stdout:
            said += line
            if "Everything is applied" in line:
                return process
        self.fail(said)

    def test_the_host_is_fit_for_it_and_the_nodes_cgroup_root_is_found(self):
        self.host["/sys/fs/cgroup"] = "/sys/fs/cgroup"  # it is read-only, and a check attaches only to what it makes
        status, said = self.container().run("shunt-check", ["check", "--bpffs=/host/bpf"])
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"ok +cgroup +/host/cgroup")
        self.assertRegex(said, r"ok +programs +all pass")

    def test_it_can_do_without_none_of_its_capabilities(self):
        for name in POD["containers"][0]["securityContext"]["capabilities"]["add"]:
            with self.subTest(name):
                status, said = self.container().run("shunt-without-" + name.lower(), ["check", "--bpffs=/host/bpf"], [name])
                self.assertEqual(status, 1, said)
                self.assertRegex(said, rf"MISSING +capabilities +missing: CAP_{name}\n")

    def test_it_asks_an_api_server_over_tls(self):
        with ApiServer(self.host["manifests"]) as server:
            agent = self.container()
            self.addCleanup(agent.remove, "shunt-client")
            process = agent.start("shunt-client", ["run", "--config=/etc/shunt/shuntd.yaml", "--bpffs=/host/bpf",
                                                   "--cgroup=/host/cgroup", "--kubeconfig=/manifests/kubeconfig"])
            self.addCleanup(process.stdout.close)
            asked = server.first_request()
            agent.signal("shunt-client", "TERM")
            self.assertEqual(process.wait(), 0, process.stdout.read())
        self.assertRegex(asked, r"^GET /api(s/discovery.k8s.io)?/v1/(services|nodes|endpointslices)\?.* Bearer secret$")
        self.clean_up()

    def test_it_translates_a_connection_and_stops_when_it_is_told_to(self):
        agent = self.container()
        process = self.start(agent)
        status, listed = agent.execute("shunt-agent", ["shuntctl", "service", "list"])
        self.assertEqual(status, 0, listed)
        self.assertRegex(listed, r"shop +web +80 +TCP .* 1/1 +Ready")
        ports = {port["name"]: port["containerPort"] for port in POD["containers"][0]["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = POD["containers"][0][probe]["httpGet"]
            url = f"http://127.0.0.1:{ports[asked['port']]}{asked['path']}"
            with urllib.request.urlopen(url, timeout=10) as answer:
                self.assertEqual(answer.status, 200, probe)
        with socket.create_server(BACKEND), socket.create_connection(SERVICE, timeout=10) as client:
            self.assertEqual(client.getpeername(), SERVICE)

        agent.signal("shunt-agent", "TERM")
        rest = process.stdout.read()
        self.assertEqual(process.wait(), 0, rest)
        with socket.create_server(BACKEND), socket.create_connection(SERVICE, timeout=10):
            pass  # the pins stay in force
        self.clean_up()
        with socket.create_server(BACKEND), self.assertRaises(ConnectionRefusedError):
            socket.create_connection(SERVICE, timeout=10)

    def test_with_its_component_it_ends_a_pods_socket_whose_backend_is_gone(self):
        pod = pod_of(kustomize.compose(["base"], ["components/end-sockets"], MANIFESTS))
        self.serve("UDP", BACKEND[0])
        agent = self.container(pod)
        process = self.start(agent, pod)
        # Pods come after their node's agent: this one's namespace gets its name only now.
        with pod_namespace("pod") as inside, subprocess.Popen(
                [*inside, sys.executable, "-c", WAIT], stdout=subprocess.PIPE, text=True) as client:
            self.assertEqual(client.stdout.readline(), "connected\n")
            self.serve("UDP", "10.244.1.8")
            self.assertEqual(client.stdout.readline(), "ECONNABORTED\n")
        status, shown = agent.execute("shunt-agent", ["shuntctl", "status"])
        self.assertEqual(status, 0, shown)
        self.assertIn("1 UDP ended because their backend was gone", shown)
        agent.signal("shunt-agent", "TERM")
        process.stdout.read()
        self.assertEqual(process.wait(), 0)
        self.clean_up()


class ApiServer:
    """An HTTPS server that refuses everything, and a kubeconfig for it in `directory`."""

    def __init__(self, directory):
        self._requests = queue.Queue()
        certificate, key = (os.path.join(directory, name) for name in ("tls.crt", "tls.key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
                        certificate], check=True, capture_output=True)
        requests = self._requests

        class Refuse(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                requests.put(f"GET {self.path} {self.headers['Authorization']}")
                self.send_error(503)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # the agent hangs up when it is stopped

        self._server = Server(("127.0.0.1", 0), Refuse)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        with open(os.path.join(directory, "kubeconfig"), "w", encoding="utf-8") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c",
                       "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                       "clusters": [{"name": "c", "cluster": {
                           "server": f"https://127.0.0.1:{self._server.server_port}",
                           "certificate-authority": "/manifests/tls.crt"}}],
                       "users": [{"name": "u", "user": {"token": "secret"}}]}, file)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def first_request(self):
        return self._requests.get(timeout=60)


@contextlib.contextmanager
def pod_namespace(name):
    """Makes a network namespace with a name, as CNI runtimes do; yields the words that run a command in it."""
    path = os.path.join(SCRATCH, "netns", name)
    with open(path, "w", encoding="ascii"):
        pass
    addresses = f"ip link set lo up && ip address add {BACKEND[0]} dev lo"
    subprocess.run(["unshare", f"--net={path}", "sh", "-c", addresses], check=True)
    try:
        yield ["nsenter", f"--net={path}"]
    finally:
        subprocess.run(["umount", path], check=True)


def need(program):
    if shutil.which(program) is None:
        outcome.skip_all(f"no {program} here: cmake/install_dependencies.sh image")


def cgroup_root():
    with open("/proc/mounts", encoding="utf-8") as file:
        mounts = [line.split() for line in file]
    root = next((words[1] for words in mounts if words[2] == "cgroup2"), None)
    return root or outcome.skip_all("no cgroup2 is mounted")


def enter(cgroup):
    with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
        file.write(str(os.getpid()))


def prepare():
    """Sets up this process's own namespaces: loopback with the addresses, a bpffs. The mounts go with the namespace."""
    for command in (["ip", "link", "set", "lo", "up"], ["ip", "address", "add", BACKEND[0], "dev", "lo"],
                    ["ip", "route", "add", "local", SERVICE[0], "dev", "lo"]):
        subprocess.run(command, check=True)
    for name, mount in (("bpffs", ["-t", "bpf", "-o", "mode=700", "bpf"]),
                        ("netns", ["-t", "tmpfs", "--make-shared", "tmpfs"])):
        directory = os.path.join(SCRATCH, name)
        os.mkdir(directory)
        subprocess.run(["mount", *mount, directory], check=True)


if __name__ == "__main__":
    if os.geteuid() != 0:
        outcome.skip_all("needs root: it loads BPF programs, in namespaces and a cgroup of its own")
    for wanted in ("buildah", "runc", "ip", "strip", "openssl", "cmake", "ninja", "dpkg-source"):
        need(wanted)
    if os.environ.get("SHUNT_IMAGE_TEST_INSIDE") != "1":
        os.environ["SHUNT_IMAGE_TEST_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--net", sys.executable, "-B", *sys.argv])
    SCRATCH = tempfile.mkdtemp(prefix="shunt-image-test-")
    ORIGINAL = cgroup_root()
    CGROUP = os.path.join(ORIGINAL, os.path.basename(SCRATCH))
    try:
        IMAGE = build(os.path.join(SCRATCH, "first"))
        TREE = os.path.join(SCRATCH, "tree")
        os.mkdir(TREE)
        CONFIGURATION = container.unpack(os.path.join(SCRATCH, "first/shunt.tar"), TREE)
        prepare()
        os.mkdir(CGROUP)
        enter(CGROUP)
        outcome.run()
    finally:
        enter(ORIGINAL)
        if os.path.isdir(CGROUP):
            os.rmdir(CGROUP)
        for name in ("bpffs", "netns"):
            subprocess.run(["umount", os.path.join(SCRATCH, name)], check=False)
        shutil.rmtree(SCRATCH)

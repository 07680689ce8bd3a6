# SPDX-License-Identifier: Apache-2.0
"""A real etcd and a real kube-apiserver in this network namespace."""

import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import network
from api import Api
from certificates import Authority, new_signing_key

SERVERS = pathlib.Path(os.environ.get("SHUNT_KUBERNETES_SERVERS", "build/kubernetes"))
SERVICE_RANGES = "10.96.0.0/12,fd00:96::/112"
PORT = 6443

_ETCD_URL = "http://127.0.0.1:2379"
_ALTERNATIVES = ["DNS:localhost", "DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc",
                 "IP:127.0.0.1", "IP:10.96.0.1"]
_START_SECONDS_MAX = 120
# Logs each request and its user, without bodies, when its answer is complete, and a watch also when it begins.
_AUDIT_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [admin, system:apiserver]
- level: Metadata
"""


@dataclasses.dataclass
class Identity:
    """What a client needs to identify itself."""
    certificate: pathlib.Path
    key: pathlib.Path


class ControlPlane:
    """etcd, then kube-apiserver with RBAC and an audit log, on every address of this network namespace.

    More API servers may run beside the first, on ports of their own. REQUIRES: `address` is an address of this
    namespace that is not a loopback address.
    """

    def __init__(self, directory, address):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.address = address
        self.url = self.url_of(PORT)
        self._audit_policy = self.directory / "audit-policy.yaml"
        self._audit_policy.write_text(_AUDIT_POLICY)
        self._signing_key = new_signing_key(self.directory / "service-accounts.key")
        # Serving and client certificates have separate authorities, so that each can be replaced alone.
        self.client_authority = Authority(self.directory / "clients", "clients")
        self.admin = Identity(*self.client_authority.issue_client("admin", "system:masters"))
        self.serving_authority = None
        self.replace_serving_authority()
        self._etcd = None
        self._apiservers = {}  # by port

    def replace_serving_authority(self):
        """Replaces the authority; the API server uses it from its next start. Returns the new Authority."""
        generation = len(list(self.directory.glob("serving-*")))
        self.serving_authority = Authority(self.directory / f"serving-{generation}", f"serving {generation}")
        self.replace_serving_certificate()
        return self.serving_authority

    def replace_serving_certificate(self):
        """Issues another certificate of the same authority; a running API server reads it within a minute."""
        names = [*_ALTERNATIVES, f"IP:{self.address}", f"IP:{network.FAR_ADDRESS}"]
        issued = self.serving_authority.issue_server("kube-apiserver", names)
        self.serving_files = tuple(self.directory / name for name in ("serving.crt", "serving.key"))
        for source, target in zip(issued, self.serving_files):
            shutil.copy(source, target.with_suffix(".new"))
            os.replace(target.with_suffix(".new"), target)

    def url_of(self, port):
        return f"https://{self.address}:{port}"

    def start(self):
        """Returns which of its processes do not run."""
        self.start_etcd()
        self.start_apiserver()

    def stop(self):
        for port in list(self._apiservers):
            self.stop_apiserver(port)
        self.stop_etcd()

    def start_etcd(self):
        if self._etcd is not None:
            return
        peer = "http://127.0.0.1:2380"
        self._etcd = self._start("etcd", [
            f"--data-dir={self.directory}/etcd", f"--listen-client-urls={_ETCD_URL}",
            f"--advertise-client-urls={_ETCD_URL}", f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync", "--quota-backend-bytes=4294967296", "--log-level=warn"])
        self._wait(self._etcd, "etcd", lambda: _listens("127.0.0.1", 2379))

    def stop_etcd(self):
        if self._etcd is not None:
            _end(self._etcd, signal.SIGTERM)
            self._etcd = None

    def start_apiserver(self, port=PORT):
        if port in self._apiservers:
            return
        key = self._signing_key
        apiserver = self._apiservers[port] = self._start("kube-apiserver", [
            f"--etcd-servers={_ETCD_URL}", f"--secure-port={port}", "--bind-address=0.0.0.0",
            f"--advertise-address={self.address}", f"--service-cluster-ip-range={SERVICE_RANGES}",
            f"--tls-cert-file={self.serving_files[0]}", f"--tls-private-key-file={self.serving_files[1]}",
            f"--client-ca-file={self.client_authority.certificate}", "--authorization-mode=RBAC", "--allow-privileged",
            "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-signing-key-file={key}",
            f"--service-account-key-file={key}", f"--audit-policy-file={self._audit_policy}",
            f"--audit-log-path={self.audit_log_of(port)}", "--enable-priority-and-fairness=false",
            "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000", "--profiling=false"])
        self._wait(apiserver, "kube-apiserver", lambda: self.ready(port))

    def stop_apiserver(self, port=PORT):
        """Kills it at once, as a power failure does: connections are cut."""
        if port in self._apiservers:
            _end(self._apiservers.pop(port), signal.SIGKILL)

    def audit_log_of(self, port=PORT):
        return self.directory / f"audit-{port}.log"

    def ready(self, port=PORT):
        """Returns whether /readyz says ok."""
        try:
            return Api(self.url_of(port), self.serving_authority.certificate, self.admin).get_text("/readyz") == "ok"
        except (OSError, RuntimeError):
            return False

    def save_state(self, name):
        """Copies what etcd holds. REQUIRES: etcd is stopped."""
        shutil.copytree(self.directory / "etcd", self.directory / name)

    def restore_state(self, name):
        """Restores what save_state copied. REQUIRES: etcd is stopped."""
        shutil.rmtree(self.directory / "etcd")
        shutil.copytree(self.directory / name, self.directory / "etcd")

    def log_tail(self, name):
        return "\n".join((self.directory / f"{name}.log").read_text(errors="replace").splitlines()[-15:])

    def _start(self, name, arguments):
        log = open(self.directory / f"{name}.log", "ab")  # open as long as the child lives
        with log:
            return subprocess.Popen([SERVERS / name, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _wait(self, process, name, is_up):
        deadline = time.monotonic() + _START_SECONDS_MAX
        while not is_up():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}:\n{self.log_tail(name)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} is not up after {_START_SECONDS_MAX} s:\n{self.log_tail(name)}")
            time.sleep(0.05)


def _listens(address, port):
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def _end(process, how):
    if process.poll() is None:
        process.send_signal(how)
        process.wait(30)

# SPDX-License-Identifier: Apache-2.0
"""A small client of the Kubernetes API in JSON: one connection, kept open."""

import http.client
import json
import ssl
import urllib.parse

# Where the objects of a kind live, below the API server's root.
_PLACES = {
    "Namespace": ("/api/v1", "namespaces"),
    "Node": ("/api/v1", "nodes"),
    "Service": ("/api/v1", "services"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
}
_CLUSTER_WIDE = {"Namespace", "Node", "ClusterRole", "ClusterRoleBinding"}
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_TIMEOUT_SECONDS = 60


class Refused(RuntimeError):
    """An answer that is not a success."""

    def __init__(self, method, path, status, text):
        super().__init__(f"{method} {path}: {status}: {text[:500]}")
        self.status = status


class Api:
    """As `identity` (certificate and key files), or as whose token it is. One thread at a time."""

    def __init__(self, url, authority, identity=None, token=None):
        self._host = urllib.parse.urlsplit(url).netloc
        self._context = ssl.create_default_context(cafile=str(authority))
        if identity is not None:
            self._context.load_cert_chain(identity.certificate, identity.key)
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._connection = None

    def create(self, thing):
        """The object as the API server completed it."""
        return self._json("POST", collection(thing), thing)

    def replace(self, thing):
        return self._json("PUT", place(thing), thing)

    def patch(self, thing, change):
        """JSON merge patch."""
        return self._json("PATCH", place(thing), change, kind=_MERGE)

    def patch_status(self, thing, change):
        return self._json("PATCH", place(thing) + "/status", change, kind=_MERGE)

    def apply(self, thing, dry_run=False):
        """Server-side apply: created or changed until it is as `thing` says. `dry_run`: only validated, strictly."""
        query = "?fieldManager=test&force=true&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self._json("PATCH", place(thing) + query, thing, kind=_APPLY)

    def delete(self, thing):
        return self._json("DELETE", place(thing))

    def get(self, path):
        return self._json("GET", path)

    def get_text(self, path):
        return self._ask("GET", path, None, None).decode()

    def lines(self, path):
        """The lines of an answer that does not end, as they come."""
        self.close()
        self._connection = http.client.HTTPSConnection(self._host, context=self._context)
        self._connection.request("GET", path, headers=self._headers)
        yield from self._connection.getresponse()

    def new_token(self, namespace, account, seconds=3600):
        """A service account's token, as a kubelet gets it for a projected volume."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                   "spec": {"expirationSeconds": seconds}}
        return self._json("POST", path, request)["status"]["token"]

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _json(self, method, path, body=None, kind="application/json"):
        text = None if body is None else json.dumps(body)
        return json.loads(self._ask(method, path, text, kind))

    def _ask(self, method, path, text, kind):
        """Once more if a kept connection turns out to be closed."""
        headers = dict(self._headers) if kind is None else {**self._headers, "Content-Type": kind}
        for fresh in (self._connection is None, True):
            if fresh:
                self.close()
                self._connection = http.client.HTTPSConnection(self._host, timeout=_TIMEOUT_SECONDS,
                                                               context=self._context)
            try:
                self._connection.request(method, path, text, headers)
                answer = self._connection.getresponse()
                received = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self.close()
                if fresh:
                    raise
        if answer.status >= 300:
            raise Refused(method, path, answer.status, received.decode(errors="replace"))
        return received


def collection(thing):
    """The path to which an object of this kind is posted."""
    root, plural = _PLACES[thing["kind"]]
    if thing["kind"] in _CLUSTER_WIDE:
        return f"{root}/{plural}"
    return f"{root}/namespaces/{thing['metadata'].get('namespace', 'default')}/{plural}"


def place(thing):
    """The object's own path."""
    return f"{collection(thing)}/{thing['metadata']['name']}"

# SPDX-License-Identifier: Apache-2.0
"""A small client of the Kubernetes API in JSON: one connection, kept open."""

import http.client
import json
import ssl
import urllib.parse

# The paths of the objects of each kind, below the API server's root.
_ROOTS = {
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
    """A client with `identity` (certificate and key files) or with a token. For one thread at a time."""

    def __init__(self, url, authority, identity=None, token=None):
        self._host = urllib.parse.urlsplit(url).netloc
        self._context = ssl.create_default_context(cafile=str(authority))
        if identity is not None:
            self._context.load_cert_chain(identity.certificate, identity.key)
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._connection = None

    def create(self, item):
        """Returns the object as the API server completed it."""
        return self._json("POST", collection_path(item), item)

    def replace(self, item):
        return self._json("PUT", path_of(item), item)

    def patch(self, item, change):
        """Applies a JSON merge patch."""
        return self._json("PATCH", path_of(item), change, kind=_MERGE)

    def patch_status(self, item, change):
        return self._json("PATCH", path_of(item) + "/status", change, kind=_MERGE)

    def apply(self, item, dry_run=False):
        """Creates or changes the object by server-side apply. With `dry_run` the server only validates it, strictly."""
        query = "?fieldManager=test&force=true&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self._json("PATCH", path_of(item) + query, item, kind=_APPLY)

    def delete(self, item):
        return self._json("DELETE", path_of(item))

    def get(self, path):
        return self._json("GET", path)

    def get_text(self, path):
        return self._ask("GET", path, None, None).decode()

    def lines(self, path):
        """Yields the lines of an endless answer as they come."""
        self.close()
        self._connection = http.client.HTTPSConnection(self._host, context=self._context)
        self._connection.request("GET", path, headers=self._headers)
        yield from self._connection.getresponse()

    def new_token(self, namespace, account, seconds=3600):
        """Returns a service account's token, as a kubelet gets it for a projected volume."""
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
        """Sends the request, and once more if the kept connection was closed."""
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


def collection_path(item):
    """Returns the path to which an object of this kind is posted."""
    root, plural = _ROOTS[item["kind"]]
    if item["kind"] in _CLUSTER_WIDE:
        return f"{root}/{plural}"
    return f"{root}/namespaces/{item['metadata'].get('namespace', 'default')}/{plural}"


def path_of(item):
    """Returns the object's own path."""
    return f"{collection_path(item)}/{item['metadata']['name']}"

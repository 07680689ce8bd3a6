# SPDX-License-Identifier: Apache-2.0
"""The agent's service account, as a kubelet gives it to a pod and as an operator writes it into a kubeconfig."""

import json
import os
import pathlib

import manifests


class Account:
    """The service account of manifests/ with what manifests/ grants it; its token is in a file."""

    def __init__(self, api, directory, objects=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.token_file = self.directory / "token"
        self.authority_file = self.directory / "ca.crt"
        self._api = api
        self._objects = manifests.access() if objects is None else objects
        self.apply()

    @property
    def account(self):
        return next(item for item in self._objects if item["kind"] == "ServiceAccount")

    @property
    def user(self):
        """Returns its name in the API server's audit log."""
        metadata = self.account["metadata"]
        return f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}"

    @property
    def rules(self):
        return [rule for item in self._objects if item["kind"] in ("ClusterRole", "Role") for rule in item["rules"]]

    def apply(self):
        for item in self._objects:
            self._api.apply(item)
        self.renew_token()

    def renew_token(self):
        """Puts a new token into the file by a rename, as the kubelet does."""
        metadata = self.account["metadata"]
        _replace(self.token_file, self._api.new_token(metadata["namespace"], metadata["name"]))

    def revoke_tokens(self):
        """Makes all earlier tokens invalid, by replacing the account with another one of the same name."""
        self._api.delete(self.account)
        self._api.apply(self.account)

    def trust(self, authority):
        """Puts the certificate of `authority` into the CA file by a rename."""
        _replace(self.authority_file, authority.certificate.read_text())

    def kubeconfig(self, url):
        """Returns the path of a kubeconfig that names the token's and the CA's file."""
        path = self.directory / "kubeconfig"
        cluster = {"server": url, "certificate-authority": str(self.authority_file)}
        path.write_text(json.dumps({  # JSON is YAML too
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"tokenFile": str(self.token_file)}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}))
        return path


def _replace(path, text):
    written = path.with_suffix(".new")
    written.write_text(text)
    os.replace(written, path)

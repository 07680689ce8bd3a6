# SPDX-License-Identifier: Apache-2.0
"""The agent's service account as a kubelet hands it to a pod, and as an operator writes it into a kubeconfig."""

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
        return next(thing for thing in self._objects if thing["kind"] == "ServiceAccount")

    @property
    def user(self):
        """As the API server names it in its audit log."""
        metadata = self.account["metadata"]
        return f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}"

    @property
    def rules(self):
        return [rule for thing in self._objects if thing["kind"] in ("ClusterRole", "Role") for rule in thing["rules"]]

    def apply(self):
        for thing in self._objects:
            self._api.apply(thing)
        self.renew_token()

    def renew_token(self):
        """A new token in the file, by a rename, as the kubelet's are replaced."""
        metadata = self.account["metadata"]
        _replace(self.token_file, self._api.new_token(metadata["namespace"], metadata["name"]))

    def revoke_tokens(self):
        """No token issued until now is valid any more. (The account becomes another of the same name.)"""
        self._api.delete(self.account)
        self._api.apply(self.account)

    def trust(self, authority):
        """The certificate of `authority` in the CA file, by a rename."""
        _replace(self.authority_file, authority.certificate.read_text())

    def kubeconfig(self, url):
        """The path of a kubeconfig that names the token's and the CA's file."""
        path = self.directory / "kubeconfig"
        cluster = {"server": url, "certificate-authority": str(self.authority_file)}
        path.write_text(json.dumps({  # which is YAML too
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"tokenFile": str(self.token_file)}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}))
        return path


def _replace(path, text):
    written = path.with_suffix(".new")
    written.write_text(text)
    os.replace(written, path)

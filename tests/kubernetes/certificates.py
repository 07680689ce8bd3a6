# SPDX-License-Identifier: Apache-2.0
"""A cluster's keys and certificates, made with the openssl program."""

import pathlib
import subprocess

_DAYS = "2"


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)


class Authority:
    """A certificate authority in a directory: `certificate`, `key`, and what it issues."""

    def __init__(self, directory, name):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificate = self.directory / "ca.crt"
        self.key = self.directory / "ca.key"
        _new_key(self.key)
        _openssl("req", "-x509", "-new", "-key", self.key, "-out", self.certificate, "-days", _DAYS,
                 "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue_server(self, name, alternatives):
        """Returns (certificate, key) files for a server; `alternatives` are "DNS:kubernetes", "IP:127.0.0.1"."""
        return self._issue(name, f"/CN={name}", ["extendedKeyUsage=serverAuth",
                                                 "subjectAltName=" + ",".join(alternatives)])

    def issue_client(self, user, group):
        """Returns (certificate, key) files for a user, by the API server's name for it."""
        return self._issue(user.replace(":", "-"), f"/O={group}/CN={user}", ["extendedKeyUsage=clientAuth"])

    def _issue(self, stem, subject, extensions):
        certificate, key, request, lines = (self.directory / f"{stem}.{end}" for end in ("crt", "key", "csr", "ext"))
        _new_key(key)
        lines.write_text("\n".join(extensions) + "\n")
        _openssl("req", "-new", "-key", key, "-out", request, "-subj", subject)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                 "-out", certificate, "-days", _DAYS, "-extfile", lines)
        return certificate, key


def new_signing_key(path):
    """Makes the key that signs service-account tokens."""
    _openssl("genrsa", "-out", path, "2048")
    return path


def _new_key(path):
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)

# SPDX-License-Identifier: Apache-2.0
"""The image's bill of materials, in SPDX 2.3 JSON: Shunt, and each Debian package of which it holds something."""

import datetime
import hashlib
import json
import subprocess
import urllib.parse

from root_filesystem import HEADERS_ONLY

LICENSE = "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"


def describe(packages, library, version, epoch):
    """The document's text: the same for the same packages, version and time. Each package is Debian's own build, except
    the one in whose place there is `library`."""
    shunt = _package("shunt", version, "pkg:generic/shunt@" + version, LICENSE, "NOASSERTION")
    linked = [_built(library) if name == library.package else _debian(name) for name in sorted(packages)]
    compiled = [_debian(name) for name in HEADERS_ONLY]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", shunt["SPDXID"])]
    relations += [(shunt["SPDXID"], "DEPENDS_ON", package["SPDXID"]) for package in linked]
    relations += [(shunt["SPDXID"], "STATIC_LINK", package["SPDXID"]) for package in compiled]
    everything = [shunt, *linked, *compiled]
    unique = hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()[:16]
    created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"shunt-{version}",
        "documentNamespace": f"https://shunt-lb.io/spdx/shunt-{version}-{unique}",
        "creationInfo": {"created": created, "creators": ["Tool: shunt-build_image.py"]},
        "packages": everything,
        "relationships": [{"spdxElementId": subject, "relationshipType": kind, "relatedSpdxElement": target}
                          for subject, kind, target in relations],
    }
    return json.dumps(document, indent=1) + "\n"


def _debian(name):
    query = ["dpkg-query", "-W", "-f", "${Version}\t${Architecture}\t${source:Package} ${source:Version}", name]
    fields = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    version, architecture, source = fields.split("\n")[0].split("\t")
    locator = f"pkg:deb/debian/{_quoted(name)}@{_quoted(version)}?arch={architecture}"
    package = _package(name, version, locator, "NOASSERTION", "Organization: Debian")
    package["sourceInfo"] = f"Debian source package {source}; its licences: /usr/share/doc/{name}/copyright"
    return package


def _built(library):
    locator = f"pkg:deb/debian/{_quoted(library.source)}@{_quoted(library.version)}?arch=source"
    package = _package(library.package, library.version, locator, library.license, "NOASSERTION")
    package["comment"] = library.comment
    package["sourceInfo"] = (f"Debian source package {library.source} {library.version}; its licences: "
                             f"/usr/share/doc/{library.package}/copyright")
    return package


def _quoted(text):
    """As package URLs have it: "libgrpc%2B%2B1.51"."""
    return urllib.parse.quote(text, safe=":~")


def _package(name, version, locator, license_declared, supplier):
    spdx_id = "".join(c if c.isalnum() or c in ".-" else "-" for c in f"SPDXRef-Package-{name}")
    return {
        "SPDXID": spdx_id,
        "name": name,
        "versionInfo": version,
        "supplier": supplier,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": license_declared,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": locator}],
    }

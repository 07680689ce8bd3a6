# SPDX-License-Identifier: Apache-2.0
"""libcurl as the agent uses it: HTTP, and TLS by OpenSSL. It is built from the source package of this machine's libcurl4,
with all of Debian's patches. Debian's own build also serves LDAP, SSH, RTMP, Kerberos and the like: two dozen libraries
that nothing in the agent calls, a second TLS stack among them."""

import glob
import os
import re
import shutil
import subprocess
import sys

BINARY_PACKAGE = "libcurl4"
COMMENT = "Built from Debian's source package for HTTP and TLS (OpenSSL) only."
# The name and the symbols' version are those of Debian's library, so that programs which were linked with it load this.
SYMBOLS = "CURL_OPENSSL_4 {\n  global: curl_*;\n  local: *;\n};\n"
FEATURES = {
    "HTTP_ONLY": "ON", "CURL_USE_OPENSSL": "ON", "ENABLE_IPV6": "ON", "ENABLE_THREADED_RESOLVER": "ON",
    "CURL_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt", "CURL_CA_PATH": "/etc/ssl/certs",
    "CURL_USE_LIBPSL": "OFF", "CURL_USE_LIBSSH2": "OFF", "USE_LIBIDN2": "OFF", "CURL_ZLIB": "OFF",
    "BUILD_CURL_EXE": "OFF", "BUILD_TESTING": "OFF", "ENABLE_MANUAL": "OFF",
}


def build(sources, scratch):
    """Returns a directory that holds libcurl.so.4. The source package is looked for in `sources`, and fetched to there by
    apt-get if it is missing. The same source and compiler give the same bytes."""
    description = _fetched(sources, scratch)
    tree = os.path.join(scratch, "curl")
    # apt-get has checked the signatures down to this file, which has the others' hashes.
    _run("dpkg-source", "--no-check", "-x", description, tree)
    symbols = os.path.join(scratch, "libcurl.symbols")
    with open(symbols, "w", encoding="ascii") as file:
        file.write(SYMBOLS)
    made = os.path.join(scratch, "curl-build")
    settings = {
        **FEATURES, "CMAKE_BUILD_TYPE": "None",
        "CMAKE_C_FLAGS": f"{_flags('CPPFLAGS')} {_flags('CFLAGS')} -g0 -ffile-prefix-map={scratch}=.",
        "CMAKE_SHARED_LINKER_FLAGS": f"{_flags('LDFLAGS')} -Wl,--version-script={symbols}",
    }
    if shutil.which("ccache"):
        settings["CMAKE_C_COMPILER_LAUNCHER"] = "ccache"
    in_any_directory = {**os.environ, "CCACHE_BASEDIR": scratch, "CCACHE_NOHASHDIR": "1"}
    _run("cmake", "-S", tree, "-B", made, "-G", "Ninja", *[f"-D{name}={value}" for name, value in settings.items()],
         environment=in_any_directory)
    _run("cmake", "--build", made, "--target", "libcurl", environment=in_any_directory)
    directory = os.path.join(scratch, "libcurl")
    os.mkdir(directory)
    _run("strip", "-o", os.path.join(directory, "libcurl.so.4"), os.path.join(made, "lib/libcurl.so.4"))
    return directory


def _fetched(sources, scratch):
    """Returns the path of the source package's .dsc."""
    query = ["dpkg-query", "-W", "-f", "${source:Version}", BINARY_PACKAGE]
    version = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    description = os.path.join(sources, f"curl_{re.sub('^[0-9]+:', '', version)}.dsc")
    if not os.path.exists(description):
        arriving = os.path.join(scratch, "arriving")
        _fetch(f"curl={version}", arriving, scratch)
        os.makedirs(sources, exist_ok=True)
        for path in sorted(glob.glob(os.path.join(arriving, "curl_*")), key=lambda path: path.endswith(".dsc")):
            shutil.copy(path, sources)  # the .dsc last: where it is, the others are
    return description


def _fetch(source, directory, scratch):
    """Fetches a source package from where this machine has its packages from."""
    places = os.path.join(scratch, "apt")
    for name in ("sources", "lists/partial"):
        os.makedirs(os.path.join(places, name))
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        if path.endswith((".list", ".sources")) and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"(?m)^Types:.*\bdeb\b.*$", "Types: deb-src", re.sub(r"(?m)^deb ", "deb-src ", file.read()))
            with open(os.path.join(places, "sources", os.path.basename(path)), "w", encoding="utf-8") as file:
                file.write(text)
    os.mkdir(directory)
    options = {"Dir::Etc::SourceList": "/dev/null", "Dir::Etc::SourceParts": f"{places}/sources",
               "Dir::State::Lists": f"{places}/lists", "Dir::Cache::pkgcache": "", "Dir::Cache::srcpkgcache": "",
               "APT::Sandbox::User": "root"}
    apt_get = ["apt-get", "-qq", *[f"-o{name}={value}" for name, value in options.items()]]
    _run(*apt_get, "update")
    _run(*apt_get, "source", "--download-only", source, directory=directory,
         advice=f"the source of the {BINARY_PACKAGE} that is installed here is needed: is there a network, and is the "
                f"package up to date (apt-get install --only-upgrade {BINARY_PACKAGE} libcurl4-openssl-dev)?")


def _flags(name):
    """Returns Debian's flags for packages, with every symbol bound at the start."""
    environment = {**os.environ, "DEB_BUILD_MAINT_OPTIONS": "hardening=+bindnow"}
    said = subprocess.run(["dpkg-buildflags", "--get", name], check=True, capture_output=True, text=True,
                          env=environment).stdout
    return re.sub(r"-ffile-prefix-map=\S+", "", said).strip()


def _run(*command, directory=None, environment=None, advice=""):
    done = subprocess.run(command, check=False, cwd=directory, env=environment, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"build_image.py: {' '.join(command)}:\n{done.stdout[-4000:]}\n{advice}".rstrip())

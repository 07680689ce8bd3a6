# SPDX-License-Identifier: Apache-2.0
"""libcurl as the agent uses it: HTTP, and TLS by OpenSSL. It is built from Debian's source package, with all of Debian's
patches. Debian's own build also serves LDAP, SSH, RTMP, Kerberos and the like: two dozen libraries that nothing in the
agent calls, a second TLS stack among them."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys

import library_source

# The name and the symbols' version are those of Debian's library, so that programs which were linked with it load this.
NAME = "libcurl.so.4"
SYMBOLS = "CURL_OPENSSL_4 {\n  global: curl_*;\n  local: *;\n};\n"
FEATURES = {
    "HTTP_ONLY": "ON", "CURL_USE_OPENSSL": "ON", "ENABLE_IPV6": "ON", "ENABLE_THREADED_RESOLVER": "ON",
    "CURL_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt", "CURL_CA_PATH": "/etc/ssl/certs",
    "CURL_USE_LIBPSL": "OFF", "CURL_USE_LIBSSH2": "OFF", "USE_LIBIDN2": "OFF", "CURL_ZLIB": "OFF",
    "BUILD_CURL_EXE": "OFF", "BUILD_TESTING": "OFF", "ENABLE_MANUAL": "OFF",
}


@dataclasses.dataclass
class Library:
    """A library that was built from Debian's source package, in place of that of the binary package."""
    directory: str  # holds the library by the name that the loader looks for
    copyright: str  # the path of the source package's debian/copyright
    version: str  # of the source package
    package: str = library_source.BINARY_PACKAGE
    source: str = library_source.SOURCE_PACKAGE
    license: str = "curl"
    comment: str = "Built from Debian's source package for HTTP and TLS (OpenSSL) only."


def build(sources, scratch):
    """Returns the Library, built below the directory `scratch` from the source package that fits in the directory
    `sources`. The same source and compiler give the same bytes."""
    installed = library_source.installed_version()
    description = library_source.find(sources, installed)
    if description is None:
        sys.exit(f"build_image.py: no source package of {library_source.SOURCE_PACKAGE} {installed} in {sources}: run "
                 f"cmake/install_dependencies.sh image, with a network")
    tree, made, directory = (os.path.join(scratch, name) for name in ("curl", "curl-build", "libcurl"))
    _run("dpkg-source", "-x", description, tree)  # it compares the files with the hashes in the .dsc
    symbols = os.path.join(scratch, "libcurl.symbols")
    with open(symbols, "w", encoding="ascii") as file:
        file.write(SYMBOLS)
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
    os.mkdir(directory)
    _run("strip", "-o", os.path.join(directory, NAME), os.path.join(made, "lib", NAME))
    return Library(directory, os.path.join(tree, "debian/copyright"), library_source.version_of(description))


def _flags(name):
    """Returns Debian's flags for packages, with every symbol bound at the start."""
    environment = {**os.environ, "DEB_BUILD_MAINT_OPTIONS": "hardening=+bindnow"}
    said = subprocess.run(["dpkg-buildflags", "--get", name], check=True, capture_output=True, text=True,
                          env=environment).stdout
    return re.sub(r"-ffile-prefix-map=\S+", "", said).strip()


def _run(*command, environment=None):
    done = subprocess.run(command, check=False, env=environment, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"build_image.py: {' '.join(command)}:\n{done.stdout[-4000:]}")

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the etcd and the kube-apiserver that go.mod pins, with the Go of this machine, unless they exist already. They
# are kept across builds, like the kernels of tests/kernels; the first time takes minutes.
#
#   build_servers.sh DIRECTORY      e.g. build_servers.sh build/kubernetes
#
# Exits with 0 if both exist, 1 if the build failed, 77 if no Go can build them (it says how to get one; this is a skip
# with SHUNT_REQUIRE_ROOT_TESTS=1 too, because Debian 12 has no such Go) or if the modules are not available (then a
# failure with SHUNT_REQUIRE_ROOT_TESTS=1).
set -euo pipefail

readonly directory=$1
here=$(dirname "$(readlink -f "$0")")
readonly here
readonly etcd=go.etcd.io/etcd/server/v3 apiserver=k8s.io/kubernetes/cmd/kube-apiserver

skip() {
  echo "kubernetes: SKIPPED: $1" >&2
  echo "kubernetes: to get it: put a Go of ${wanted} or newer first in PATH, from the Go project's downloads or" \
    "a newer Debian (Debian 12's golang-go is 1.19), then \`make check-kubernetes\`" >&2
  exit 77
}

# Prints the version that go.mod leads to; a Go that may download another (GOTOOLCHAIN=auto) does so here.
check_go() {
  command -v go > /dev/null || skip "there is no Go on this machine"
  local said
  said=$(cd "$here" && go env GOVERSION 2>&1) || skip "the Go on this machine cannot build them: $said"
  (cd "$here" && go list -m > /dev/null 2>&1) || skip "$said is too old"
}

# The version that they report is linked in.
version_flags() {
  local version=$1
  echo "-X k8s.io/component-base/version.gitVersion=$version" \
    "-X k8s.io/component-base/version.gitMajor=$(cut -d. -f1 <<< "${version#v}")" \
    "-X k8s.io/component-base/version.gitMinor=$(cut -d. -f2 <<< "$version")"
}

build() {
  local version started=$SECONDS
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  echo "kubernetes: building etcd $(go list -m -f '{{.Version}}' "$etcd") and kube-apiserver $version (minutes, once)"
  export CGO_ENABLED=0
  nice go build -trimpath -ldflags "-s -w" -o "$staging/etcd" "$etcd"
  nice go build -trimpath -ldflags "-s -w $(version_flags "$version")" -o "$staging/kube-apiserver" "$apiserver"
  cat go.mod go.sum > "$staging/built-from"
  mv "$staging"/* "$target/"
  echo "kubernetes: built in $((SECONDS - started)) s"
}

wanted=$(sed -n 's/^go \(.*\)$/\1/p' "$here/go.mod")
readonly wanted
mkdir -p "$directory"
target=$(readlink -f "$directory")
exec 9> "$target/.lock"
flock 9  # several builds share the directory
cd "$here"
if [ -x "$target/etcd" ] && [ -x "$target/kube-apiserver" ] && cat go.mod go.sum | cmp -s - "$target/built-from"; then
  exit 0
fi
check_go
staging=$(mktemp -d "$target/build.XXXXXX")
readonly staging
trap 'rm -rf "$staging"' EXIT
if ! downloads=$(go list -deps "$etcd" "$apiserver" 2>&1 > /dev/null); then
  echo "$downloads" >&2
  [ "${SHUNT_REQUIRE_ROOT_TESTS:-0}" != 1 ] || exit 1
  echo "kubernetes: SKIPPED: Go modules cannot be downloaded (above); once they were, this needs no network" >&2
  exit 77
fi
build

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs with apt-get what is missing of Shunt's dependencies, and only that.
#
#   install_dependencies.sh [build|check|bench|deb|image|all]...
#
#   build  compile and `make run`             check  everything that `make check` and .ci/run need
#   bench  what `make bench` compares with    deb    `make deb`
#   image  `make image`, and the tests of it and of the Debian package. It also fetches the source package from which the
#          image's libcurl is built to build/sources, from the same archives: they need no deb-src line for that. Building
#          and testing need no network then.
#
# It is tested on Debian 12; a derivative with the same package names works. It needs root only if something is missing.
# With SHUNT_SKIP_DEPS=1 it does nothing.
set -euo pipefail

build_packages=(g++ cmake ninja-build pkg-config ccache mold bpftool iproute2 util-linux
  libbpf-dev libelf-dev zlib1g-dev linux-libc-dev
  libabsl-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  libcurl4-openssl-dev libssl-dev
  libyaml-cpp-dev libspdlog-dev libcli11-dev nlohmann-json3-dev prometheus-cpp-dev libgtest-dev libgmock-dev)
check_packages=(python3 python3-yaml openssl libfaketime nftables iptables procps binutils qemu-system-x86 busybox-static
  cpio kmod xz-utils)
bench_packages=(nftables iptables python3 gcc)
deb_packages=(binutils dpkg-dev gzip)
image_packages=(python3 python3-yaml binutils buildah ca-certificates runc iproute2 util-linux dpkg-dev gzip systemd
  libcurl4-openssl-dev)

say() { echo "deps: $*"; }

installed() {
  grep -qx "$1" "$installed_list"
}

# Prints the newest of PREFIX-19 ... PREFIX-14 that is installed or that apt has. Debian 12 has clang 19, others may
# not.
newest_llvm() {
  local version
  for version in 19 18 17 16 15 14; do
    if installed "$1-$version" || apt-cache show "$1-$version" > /dev/null 2>&1; then
      echo "$1-$version"
      return
    fi
  done
  echo "$1-19"
}

clang_runtime() {  # libclang-rt-19-dev for clang-19; before 16 it was libclang-common-15-dev
  local version=${1#clang-}
  if [ "$version" -ge 16 ]; then echo "libclang-rt-$version-dev"; else echo "libclang-common-$version-dev"; fi
}

missing_of() {
  local package
  for package in "$@"; do
    installed "$package" || echo "$package"
  done
}

wanted_packages() {
  local set clang
  clang=$(newest_llvm clang)
  for set in "$@"; do
    case $set in
      build) echo "${build_packages[@]}" "$clang" ;;
      check)
        echo "${check_packages[@]}" "$(clang_runtime "$clang")" "$(newest_llvm clang-format)" "$(newest_llvm clang-tidy)"
        ;;
      bench) echo "${bench_packages[@]}" ;;
      deb) echo "${deb_packages[@]}" ;;
      image) echo "${image_packages[@]}" ;;
      all) wanted_packages build check bench deb image ;;
      *)
        echo "install_dependencies.sh: unknown set '$set': build, check, bench, deb, image or all" >&2
        exit 2
        ;;
    esac
  done
}

refuse() {
  say "missing: $*"
  say "$reason"
  exit 1
}

main() {
  [ "${SHUNT_SKIP_DEPS:-0}" != 1 ] || exit 0
  if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
    say "this is not Debian or a derivative (no apt-get): nothing is installed."
    say "Install what these Debian packages contain, then run make with SHUNT_SKIP_DEPS=1:"
    say "$(wanted_packages "$@" | xargs)"
    exit 1
  fi
  install_missing "$@"
  case " $* " in
    *' image '* | *' all '*) /usr/bin/python3 -B "$(dirname "$0")/../packaging/image/library_source.py" ;;
  esac
}

install_missing() {
  local missing wanted reason
  # shellcheck disable=SC2016  # dpkg's variables
  dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii //p' > "$installed_list"
  # A machine on which apt has never run knows no packages, and so no versions of clang.
  if ! apt-cache show ninja-build > /dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    say "reading the package lists (apt-get update; 10 s or so)"
    apt-get -qq update
  fi
  wanted=$(wanted_packages "$@")
  # shellcheck disable=SC2086  # a list of names
  missing=$(missing_of $wanted | sort -u | xargs)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    reason="installing them needs root: run \`sudo make deps\`, then make again"
    refuse "$missing"
  fi
  say "installing $(wc -w <<< "$missing") packages (a few hundred MB and 1 to 4 minutes on a bare machine): $missing"
  # shellcheck disable=SC2086
  if ! install_packages $missing; then
    say "apt-get install failed once: reading the package lists again and retrying"
    apt-get -qq update
    # shellcheck disable=SC2086
    if ! install_packages $missing; then
      reason="apt-get could not install them; its output is above. Is this Debian 12 with \`main\` enabled?"
      refuse "$missing"
    fi
  fi
  say "done"
}

install_packages() {
  local how
  for how in --download-only --no-download; do
    if [ "$how" = --download-only ]; then say "downloading"; else say "unpacking and configuring"; fi
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 install "$how" --no-install-recommends "$@" \
      > "$log" 2>&1 || { tail -n 20 "$log" >&2; return 1; }
  done
}

[ $# -gt 0 ] || set -- all
log=$(mktemp)
installed_list=$(mktemp)
trap 'rm -f "$log" "$installed_list"' EXIT
main "$@"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots Debian's newest cloud kernel of a series under qemu (no KVM needed) and runs a static test binary in it.
# The package is downloaded and unpacked below the cache directory, never installed.
#
#   check_kernel.sh SERIES TEST_BINARY CACHE_DIR [TEST_ARGUMENT...]      e.g. check_kernel.sh 6.1 ./test build/kernels
#
# Exit: 0 passed, 1 failed, 77 some were skipped, or cannot run here and why (a failure when SHUNT_REQUIRE_ROOT_TESTS=1).
# SHUNT_GUEST_TIMEOUT: seconds for one boot (default 2000). SHUNT_GUEST_VERBOSE=1: show the console as it comes.
set -euo pipefail

readonly series=$1 test_binary=$2 cache=$3
shift 3
here=$(dirname "$(readlink -f "$0")")
readonly here
# What tests use and the cloud kernels build as modules.
readonly modules=(veth bridge dummy vxlan sctp smc sch_ingress cls_bpf tcp_diag udp_diag)

cannot_run() {
  if [ "${SHUNT_REQUIRE_ROOT_TESTS:-0}" = 1 ]; then
    echo "Linux $series: FAILED: $1" >&2
    exit 1
  fi
  echo "Linux $series: SKIPPED: $1" >&2
  exit 77
}

# Prints the newest package of the series that apt knows, or nothing if it knows none.
newest_package() {
  apt-cache pkgnames "linux-image-$series." 2> /dev/null |
    grep -e '-cloud-amd64-unsigned$' | sort -V | tail -n 1
}

# Puts vmlinuz and the modules of the package $1 into $cache/$1.
fetch() {
  local package=$1 staging
  echo "Linux $series: downloading $package (about 30 MB, once)"
  staging=$(mktemp -d "$cache/fetch.XXXXXX")
  if ! (cd "$staging" && apt-get -o APT::Sandbox::User=root -qq download "$package" > apt.log 2>&1); then
    cat "$staging/apt.log" >&2
    rm -rf "$staging"
    return 1
  fi
  dpkg-deb --fsys-tarfile "$staging"/*.deb | tar -x -C "$staging" ./boot ./lib/modules
  rm -f "$staging"/*.deb "$staging"/apt.log
  mv "$staging"/boot/vmlinuz-* "$staging/vmlinuz"
  depmod -b "$staging" "$(ls "$staging/lib/modules")"
  rm -rf "${cache:?}/$package"
  mv "$staging" "$cache/$package"
}

# Prints the directory of the kernel to boot, downloading it if it is not there.
kernel_directory() {
  local package
  mkdir -p "$cache"
  exec 9> "$cache/.lock"
  flock 9  # both kernels may be checked at once, by several builds
  package=$(newest_package) || true
  if [ -z "$package" ]; then  # apt knows none: this is offline, or another release
    package=$(cd "$cache" && shopt -s nullglob && printf '%s\n' "linux-image-$series."* | sort -V | tail -n 1)
  fi
  [ -n "$package" ] || return 1
  [ -f "$cache/$package/vmlinuz" ] || fetch "$package" >&2 || return 1
  echo "$cache/$package"
}

# Builds the initramfs $2 from kernel directory $1: busybox, the test, the modules with what they need.
build_initramfs() {
  local kernel=$1 image=$2 root release module path
  shift 2
  root=$(mktemp -d "$work/root.XXXXXX")
  release=$(ls "$kernel/lib/modules")
  mkdir -p "$root"/{bin,proc,sys,dev,"lib/modules/$release"}
  cp "$(command -v busybox)" "$root/bin/busybox"
  install -m 0755 "$here/guest_init.sh" "$root/init"
  strip -o "$root/test" "$test_binary"
  echo "--gtest_color=no $*" > "$root/arguments"
  echo "export SHUNT_GUEST=1 SHUNT_REQUIRE_ROOT_TESTS=${SHUNT_REQUIRE_ROOT_TESTS:-0}" > "$root/environment"
  # In dependency order: modprobe prints the modules that a module needs before it.
  for module in "${modules[@]}"; do
    modprobe -d "$kernel" -S "$release" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' > "$work/paths"
  while read -r path; do
    case $path in
      *.xz) xz -dc "$path" > "$root/lib/modules/$release/$(basename "$path" .xz)" ;;
      *) cp "$path" "$root/lib/modules/$release/" ;;
    esac
    echo "/lib/modules/$release/$(basename "$path" .xz)"
  done < "$work/paths" > "$root/modules"
  (cd "$root" && find . | cpio --quiet -o -H newc) > "$image"
}

# Boots; the console goes to $work/console.
boot() {
  local kernel=$1 initramfs=$2
  timeout --kill-after=5 "${SHUNT_GUEST_TIMEOUT:-2000}" qemu-system-x86_64 \
    -accel tcg,thread=multi -cpu max -smp 2 -m 1024 -nodefaults -no-user-config -display none -no-reboot \
    -serial stdio -kernel "$kernel/vmlinuz" -initrd "$initramfs" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off" < /dev/null |
    tr -d '\r' | if [ "${SHUNT_GUEST_VERBOSE:-0}" = 1 ]; then tee "$work/console"; else cat > "$work/console"; fi
}

for tool in qemu-system-x86_64 busybox cpio depmod modprobe xz dpkg-deb apt-get strip; do
  command -v "$tool" > /dev/null || cannot_run "$tool is missing: run \`make deps\`"
done
[ "$(uname -m)" = x86_64 ] || cannot_run "only x86_64 kernels are booted, this is $(uname -m)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kernel=$(kernel_directory) ||
  cannot_run "linux-image-$series.*-cloud-amd64-unsigned is not available: is this Debian 12 after apt-get update?"
build_initramfs "$kernel" "$work/initramfs" "$@"
started=$SECONDS
boot "$kernel" "$work/initramfs" || true
# The kernel patches its own code. Rarely, one of the emulated CPUs executes the breakpoint of a patch that has ended.
if grep -q 'Oops: int3' "$work/console"; then
  echo "Linux $series: qemu executed code that the kernel had patched meanwhile (Oops: int3); booting again" >&2
  boot "$kernel" "$work/initramfs" || true
fi
seconds=$((SECONDS - started))

booted=$(sed -n 's/^SHUNT-GUEST boot \([0-9.]*\) \(.*\)$/\2, up after \1 s/p' "$work/console")
status=$(sed -n 's/^SHUNT-GUEST exit \([0-9]*\)$/\1/p' "$work/console")
passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) tests\{0,1\}\.$/\1/p' "$work/console")
skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) tests\{0,1\}, listed below:$/\1/p' "$work/console")
if [ "$status" = 0 ] || [ "$status" = 77 ]; then
  sed -n '/^\[  SKIPPED \].*listed below/,$p' "$work/console" | grep -v SHUNT-GUEST || true
  if [ "${passed:-0}" -gt 0 ]; then
    echo "Linux $series: $passed tests passed, ${skipped:-0} skipped, $seconds s in all ($booted)"
    exit "$status"
  fi
fi
if [ "${SHUNT_GUEST_VERBOSE:-0}" != 1 ]; then
  grep -vE '^\[ (RUN|      OK) ' "$work/console" || true  # leaves out the tests that passed
fi
if [ -z "$status" ]; then
  echo "Linux $series: FAILED: the guest did not finish (${booted:-it never reached init}); $seconds s of at most" \
    "${SHUNT_GUEST_TIMEOUT:-2000}; last: $(grep '^\[ RUN' "$work/console" | tail -n 1)"
else
  echo "Linux $series: FAILED: exit status $status, ${passed:-0} tests passed, $seconds s ($booted); see the console above"
fi
exit 1

// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/sockets/socket_ender.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/sockets/socket_diag.h"

namespace shunt::datapath {
namespace {

// A socket that is ended leaves its hash bucket, and an iterator that pauses there continues by position in the bucket:
// even Linux 6.12 passes over some sockets (3 of 1,500 in a test). So a visit that ended any is repeated.
constexpr int kPassesMax = 8;

constexpr char kHome[] = "of the agent";
constexpr char kRemedy[] = "; grant CAP_SYS_ADMIN, or set --end-sockets=off";

}  // namespace

absl::StatusOr<std::unique_ptr<SocketEnder>> SocketEnder::Open(const MapSet& maps, const SocketEnderOptions& options) {
  absl::StatusOr<posix::FileDescriptor> home = OpenOwnNamespace();
  if (!home.ok()) return home.status();
  absl::StatusOr<SocketIterators> iterators = absl::UnknownError("");
  if (!options.netlink) iterators = SocketIterators::Load(maps, SocketIterators::Method::kEnd);
  if (!iterators.ok()) iterators = SocketIterators::Load(maps, SocketIterators::Method::kReport);
  if (absl::IsPermissionDenied(iterators.status())) {
    return absl::PermissionDeniedError(
        absl::StrCat(iterators.status().message(), "; grant CAP_BPF and CAP_PERFMON, or set --end-sockets=off"));
  }
  if (!iterators.ok()) return iterators.status();
  return std::unique_ptr<SocketEnder>(new SocketEnder(*std::move(iterators), *std::move(home), options));
}

std::string SocketEnder::method() const {
  return iterators_.method() == SocketIterators::Method::kEnd ? "bpf_sock_destroy" : "SOCK_DESTROY";
}

report::SocketSweep SocketEnder::Sweep() {
  report::SocketSweep sweep;
  const auto blame = [&sweep](const absl::Status& status, absl::string_view remedy) {
    ++sweep.namespaces_not_entered;
    if (sweep.problem.empty()) sweep.problem = absl::StrCat(status.message(), remedy);
  };
  if (absl::Status status = SweepHere(sweep); !status.ok()) blame(status, "");
  const NamespaceList list = FindNamespaces(options_.places);
  const NamespaceId home = IdOf(home_.get());
  bool moved = false;
  for (const NamedNamespace& place : list.namespaces) {
    if (place.id == home) continue;
    absl::Status status = SweepThere(place, sweep);
    if (absl::IsNotFound(status)) continue;  // it has ended since it was found
    moved |= status.ok();
    if (!status.ok()) blame(status, absl::IsPermissionDenied(status) ? kRemedy : "");
  }
  for (const std::string& path : list.not_mounted) {
    blame(absl::FailedPreconditionError(absl::StrCat(path, ": no network namespace is mounted there")),
          "; in a container, mount its directory with mountPropagation: HostToContainer");
  }
  if (moved) {
    if (absl::Status status = EnterNamespace(home_.get(), kHome); !status.ok()) blame(status, "");
  }
  return sweep;
}

absl::Status SocketEnder::SweepThere(const NamedNamespace& place, report::SocketSweep& sweep) const {
  const posix::FileDescriptor fd(open(place.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return KernelError(errno, absl::StrCat("open network namespace ", place.path));
  if (absl::Status status = EnterNamespace(fd.get(), place.path); !status.ok()) return status;
  return SweepHere(sweep);
}

absl::Status SocketEnder::SweepHere(report::SocketSweep& sweep) const {
  absl::Status status = SweepHere(model::Protocol::kUdp, sweep.ended_udp);
  if (status.ok() && options_.tcp) status = SweepHere(model::Protocol::kTcp, sweep.ended_tcp);
  if (status.ok()) ++sweep.namespaces;
  return status;
}

absl::Status SocketEnder::SweepHere(model::Protocol protocol, uint64_t& ended) const {
  absl::StatusOr<std::vector<shunt_gone_socket>> gone = iterators_.Visit(protocol);
  if (iterators_.method() == SocketIterators::Method::kEnd) {
    for (int passes = 1; gone.ok() && !gone->empty(); ++passes) {
      ended += gone->size();
      if (passes == kPassesMax) break;
      gone = iterators_.Visit(protocol);
    }
    return gone.status();
  }
  if (!gone.ok()) return gone.status();
  if (gone->empty()) return absl::OkStatus();
  const absl::StatusOr<SocketDiag> diag = SocketDiag::Open();
  if (!diag.ok()) return diag.status();
  for (const shunt_gone_socket& socket : *gone) {
    const absl::StatusOr<bool> done = diag->End(socket, protocol);
    if (!done.ok()) return done.status();
    ended += *done ? 1 : 0;
  }
  return absl::OkStatus();
}

}  // namespace shunt::datapath

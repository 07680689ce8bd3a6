// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/snapshot/snapshot_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kubernetes/snapshot.pb.h"
#include "userspace/posix/file_bytes.h"
#include "userspace/posix/file_descriptor.h"
#include "userspace/sources/kubernetes/snapshot/compression.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_format.h"
#include "userspace/sources/kubernetes/wire/object_decoder.h"
#include "userspace/sources/kubernetes/wire/stream.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

// The largest uncompressed message; it is never in memory as a whole.
constexpr size_t kMessageBytesMax = 1 << 30;

std::optional<ObjectKind> KindNamed(absl::string_view name) {
  for (const ObjectKind kind : {ObjectKind::kService, ObjectKind::kEndpointSlice, ObjectKind::kNode}) {
    if (name == KindName(kind)) return kind;
  }
  return std::nullopt;
}

// Resources of a kind that this version does not know are skipped.
absl::Status ReadSummary(absl::string_view bytes, SnapshotSummary& summary) {
  api::SnapshotSummary message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("the summary is broken");
  }
  summary.node_name = message.node_name();
  summary.saved_ms = message.saved_ms();
  summary.api_servers.assign(message.api_servers().begin(), message.api_servers().end());
  for (const api::SnapshotResource& resource : message.resources()) {
    const std::optional<ObjectKind> kind = KindNamed(resource.kind());
    if (kind.has_value()) summary.resources.push_back({*kind, resource.resource_version(), resource.object_count()});
  }
  return absl::OkStatus();
}

std::optional<ObjectKind> KindOfField(int number) {
  switch (number) {
    case api::Snapshot::kServicesFieldNumber:
      return ObjectKind::kService;
    case api::Snapshot::kEndpointSlicesFieldNumber:
      return ObjectKind::kEndpointSlice;
    case api::Snapshot::kNodesFieldNumber:
      return ObjectKind::kNode;
    default:
      return std::nullopt;
  }
}

absl::Status ReadSnapshotField(int number, absl::string_view bytes, SnapshotSummary& summary,
                               const SnapshotObjects& objects) {
  if (number == api::Snapshot::kSummaryFieldNumber) return ReadSummary(bytes, summary);
  const std::optional<ObjectKind> kind = KindOfField(number);
  if (!kind.has_value()) return absl::OkStatus();
  absl::StatusOr<Object> decoded = DecodeObject(*kind, bytes);
  if (decoded.ok()) {
    objects.usable(*std::move(decoded));
  } else {
    objects.unusable(*kind, DescribeUnusable(*kind, bytes, decoded.status()));
  }
  return absl::OkStatus();
}

absl::Status Damaged(absl::string_view name, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("snapshot ", name, ": ", what, "; it cannot be used and may be removed"));
}

// Reads the whole file, but at most one byte more than the largest snapshot.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const posix::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) return absl::ErrnoToStatus(errno, absl::StrCat("open ", path));
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(status.st_mode)) return Damaged(path, "is not a regular file");
  std::optional<std::string> bytes = posix::ReadUpTo(file.get(), kSnapshotBytesMax + 1);
  if (!bytes.has_value()) return absl::ErrnoToStatus(errno, absl::StrCat("read ", path));
  return *std::move(bytes);
}

// Called with the number and the bytes of each field of the message.
using VisitField = absl::FunctionRef<absl::Status(int number, absl::string_view field)>;

absl::Status ReadFields(absl::string_view name, absl::string_view bytes, VisitField visit) {
  if (bytes.size() > kSnapshotBytesMax) return Damaged(name, absl::StrCat("larger than ", kSnapshotBytesMax, " bytes"));
  if (bytes.size() < kSnapshotHeadBytes || !absl::StartsWith(bytes, kSnapshotMagic)) {
    return Damaged(name, "not a snapshot");
  }
  const uint32_t version = SnapshotFormatVersion(bytes);
  if (version != kSnapshotFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat("snapshot ", name, ": format ", version,
                                                      " of another version of shuntd; this one reads format ",
                                                      kSnapshotFormatVersion));
  }
  const absl::string_view compressed = bytes.substr(kSnapshotHeadBytes);
  if (ExtendChecksum(0, compressed) != SnapshotChecksum(bytes)) return Damaged(name, "the checksum is wrong");

  FieldStream stream;
  const absl::Status status =
      Decompress(compressed, kMessageBytesMax, [&](absl::string_view piece) { return stream.Append(piece, visit); });
  if (!status.ok()) return Damaged(name, status.message());
  if (!stream.AtBoundary()) return Damaged(name, "an object is cut short");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SnapshotSummary> DecodeSnapshot(absl::string_view name, absl::string_view bytes,
                                               const SnapshotObjects& objects) {
  SnapshotSummary summary;
  const absl::Status status = ReadFields(name, bytes, [&](int number, absl::string_view field) {
    return ReadSnapshotField(number, field, summary, objects);
  });
  if (!status.ok()) return status;
  return summary;
}

absl::StatusOr<SnapshotSummary> ReadSnapshotSummary(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  SnapshotSummary summary;
  const absl::Status status = ReadFields(path, *bytes, [&](int number, absl::string_view field) {
    return number == api::Snapshot::kSummaryFieldNumber ? ReadSummary(field, summary) : absl::OkStatus();
  });
  if (!status.ok()) return status;
  return summary;
}

absl::StatusOr<SnapshotSummary> ReadSnapshot(const std::string& path, const SnapshotObjects& objects) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  return DecodeSnapshot(path, *bytes, objects);
}

absl::StatusOr<Snapshot> ReadSnapshot(const std::string& path) {
  Snapshot snapshot;
  absl::StatusOr<SnapshotSummary> summary =
      ReadSnapshot(path, {.usable = [&snapshot](Object object) { snapshot.objects.push_back(std::move(object)); },
                          .unusable = [](ObjectKind, const UnusableObject&) {}});
  if (!summary.ok()) return summary.status();
  snapshot.summary = *std::move(summary);
  return snapshot;
}

}  // namespace shunt::sources::kubernetes

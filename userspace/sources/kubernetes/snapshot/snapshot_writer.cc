// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/snapshot/snapshot_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kubernetes/snapshot.pb.h"
#include "userspace/sources/kubernetes/snapshot/compression.h"
#include "userspace/sources/kubernetes/snapshot/replaced_file.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_format.h"
#include "userspace/sources/kubernetes/wire/object_encoder.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

void EncodeSummary(const SnapshotSummary& summary, api::SnapshotSummary* message) {
  message->set_node_name(summary.node_name);
  message->set_saved_ms(summary.saved_ms);
  for (const std::string& server : summary.api_servers) message->add_api_servers(server);
  for (const SnapshotResource& resource : summary.resources) {
    api::SnapshotResource* const entry = message->add_resources();
    entry->set_kind(std::string(KindName(resource.kind)));
    entry->set_resource_version(resource.version);
    entry->set_object_count(resource.object_count);
  }
}

}  // namespace

// Protobuf messages written one after the other are one message with the fields of all of them.
class SnapshotWriter::Output {
 public:
  Output(std::string path, ReplacedFile file) : path_(std::move(path)), file_(std::move(file)) {}

  // Every field goes through this message, so that its memory is reused.
  api::Snapshot& message() { return message_; }

  absl::Status WriteMessage() {
    if (status_.ok()) {
      message_.SerializeToString(&bytes_);
      status_ = compressor_.Append(bytes_, [this](absl::string_view bytes) { return Write(bytes); });
    }
    message_.Clear();
    return status_;
  }

  // The checksum comes first in the file and is known last: this only reserves its place.
  absl::Status ReserveHead() { return file_.Append(SnapshotHead(kSnapshotFormatVersion, 0)); }

  absl::Status Commit() {
    if (status_.ok()) status_ = compressor_.Finish([this](absl::string_view bytes) { return Write(bytes); });
    if (status_.ok()) status_ = file_.WriteAt(0, SnapshotHead(kSnapshotFormatVersion, checksum_));
    if (status_.ok()) status_ = file_.Commit();
    return status_;
  }

 private:
  absl::Status Write(absl::string_view bytes) {
    size_ += bytes.size();
    if (size_ > kSnapshotBytesMax - kSnapshotHeadBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("write ", path_, ": a snapshot takes more than ", kSnapshotBytesMax, " bytes"));
    }
    checksum_ = ExtendChecksum(checksum_, bytes);
    return file_.Append(bytes);
  }

  const std::string path_;
  ReplacedFile file_;
  Compressor compressor_;
  api::Snapshot message_;
  std::string bytes_;
  size_t size_ = 0;
  uint32_t checksum_ = 0;
  absl::Status status_;
};

SnapshotWriter::SnapshotWriter(std::unique_ptr<Output> output) : output_(std::move(output)) {}
SnapshotWriter::~SnapshotWriter() = default;
SnapshotWriter::SnapshotWriter(SnapshotWriter&&) noexcept = default;

absl::StatusOr<SnapshotWriter> SnapshotWriter::Create(const std::string& path, const SnapshotSummary& summary) {
  absl::StatusOr<ReplacedFile> file = ReplacedFile::Create(path);
  if (!file.ok()) return file.status();
  auto output = std::make_unique<Output>(path, *std::move(file));
  absl::Status status = output->ReserveHead();
  EncodeSummary(summary, output->message().mutable_summary());
  if (status.ok()) status = output->WriteMessage();
  if (!status.ok()) return status;
  return SnapshotWriter(std::move(output));
}

absl::Status SnapshotWriter::Add(const model::Service& service) {
  EncodeService(service, output_->message().add_services());
  return output_->WriteMessage();
}

absl::Status SnapshotWriter::Add(const model::EndpointSlice& slice) {
  EncodeEndpointSlice(slice, output_->message().add_endpoint_slices());
  return output_->WriteMessage();
}

absl::Status SnapshotWriter::Add(const model::Node& node) {
  EncodeNode(node, output_->message().add_nodes());
  return output_->WriteMessage();
}

absl::Status SnapshotWriter::Commit() {
  return output_->Commit();
}

absl::Status WriteSnapshot(const std::string& path, const Snapshot& snapshot) {
  absl::StatusOr<SnapshotWriter> writer = SnapshotWriter::Create(path, snapshot.summary);
  if (!writer.ok()) return writer.status();
  for (const Object& object : snapshot.objects) {
    const absl::Status status = std::visit([&writer](const auto& value) { return writer->Add(value); }, object);
    if (!status.ok()) return status;
  }
  return writer->Commit();
}

}  // namespace shunt::sources::kubernetes

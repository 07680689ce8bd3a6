// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/metadata_decoder.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kubernetes/core.pb.h"
#include "kubernetes/discovery.pb.h"
#include "kubernetes/meta.pb.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

constexpr char kInitialEventsEnd[] = "k8s.io/initial-events-end";

struct Entry {
  absl::string_view key;
  absl::string_view value;
};

Entry ReadEntry(absl::string_view message, WireFields& parent) {
  Entry entry;
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == kMapKeyFieldNumber) entry.key = fields.Bytes();
    if (fields.number() == kMapValueFieldNumber) entry.value = fields.Bytes();
  }
  parent.Fail(fields.status());
  return entry;
}

int64_t ReadSeconds(absl::string_view message, WireFields& parent) {
  int64_t seconds = 0;
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == api::Time::kSecondsFieldNumber) seconds = fields.Integer();
  }
  parent.Fail(fields.status());
  return seconds;
}

void ReadAnnotation(const Entry& entry, Metadata& metadata) {
  if (IsKeptAnnotation(entry.key)) metadata.annotations[std::string(entry.key)] = std::string(entry.value);
  if (entry.key == kInitialEventsEnd) metadata.initial_events_end = entry.value == "true";
}

// Longer than each of the names, uids and versions that an API server stores.
constexpr size_t kSalvagedBytesMax = 300;

void SalvageField(WireFields& fields, Metadata& metadata) {
  const auto text = [&fields] { return std::string(fields.Bytes().substr(0, kSalvagedBytesMax)); };
  if (fields.number() == api::ObjectMeta::kNameFieldNumber) metadata.name.name = text();
  if (fields.number() == api::ObjectMeta::kNamespaceFieldNumber) metadata.name.namespace_name = text();
  if (fields.number() == api::ObjectMeta::kUidFieldNumber) metadata.uid = text();
  if (fields.number() == api::ObjectMeta::kResourceVersionFieldNumber) metadata.version = text();
}

}  // namespace

bool IsKeptLabel(absl::string_view key) {
  return key == "kubernetes.io/service-name" || key == "service.kubernetes.io/service-proxy-name" ||
         key == "service.kubernetes.io/headless" || key == "topology.kubernetes.io/zone";
}

bool IsKeptAnnotation(absl::string_view key) {
  return absl::StartsWith(key, "shunt-lb.io/") || key == "endpoints.kubernetes.io/last-change-trigger-time";
}

absl::StatusOr<Metadata> DecodeMetadata(absl::string_view message) {
  Metadata metadata;
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::ObjectMeta::kNameFieldNumber:
        metadata.name.name = std::string(fields.Bytes());
        break;
      case api::ObjectMeta::kNamespaceFieldNumber:
        metadata.name.namespace_name = std::string(fields.Bytes());
        break;
      case api::ObjectMeta::kUidFieldNumber:
        metadata.uid = std::string(fields.Bytes());
        break;
      case api::ObjectMeta::kResourceVersionFieldNumber:
        metadata.version = std::string(fields.Bytes());
        break;
      case api::ObjectMeta::kCreationTimestampFieldNumber:
        metadata.creation_time_s = std::max<int64_t>(ReadSeconds(fields.Bytes(), fields), 0);
        break;
      case api::ObjectMeta::kDeletionTimestampFieldNumber:
        fields.Bytes();
        metadata.deleting = true;
        break;
      case api::ObjectMeta::kLabelsFieldNumber: {
        const Entry label = ReadEntry(fields.Bytes(), fields);
        if (IsKeptLabel(label.key)) metadata.labels[std::string(label.key)] = std::string(label.value);
        break;
      }
      case api::ObjectMeta::kAnnotationsFieldNumber:
        ReadAnnotation(ReadEntry(fields.Bytes(), fields), metadata);
        break;
      default:
        break;
    }
  }
  if (!fields.status().ok()) return fields.status();
  return metadata;
}

Metadata SalvageMetadata(absl::string_view message) {
  constexpr int kMetadata = api::Service::kMetadataFieldNumber;
  static_assert(kMetadata == api::EndpointSlice::kMetadataFieldNumber);
  static_assert(kMetadata == api::Node::kMetadataFieldNumber);
  Metadata found;
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() != kMetadata) continue;
    WireFields metadata(fields.Bytes());
    while (metadata.Next()) SalvageField(metadata, found);
  }
  return found;
}

absl::Status CheckName(const model::ObjectName& name, NameForm form, bool namespaced) {
  const std::string wrong = WrongWithName(name.name, form);
  if (!wrong.empty()) return absl::InvalidArgumentError(absl::StrCat("metadata.name ", wrong));
  if (!namespaced) return absl::OkStatus();
  const std::string wrong_namespace = WrongWithName(name.namespace_name, NameForm::kLabel);
  if (wrong_namespace.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("metadata.namespace ", wrong_namespace));
}

absl::Status DecodeFailure(ObjectKind kind, absl::string_view message, const absl::Status& cause) {
  const model::ObjectName name = SalvageMetadata(message).name;
  const std::string object = name.namespace_name.empty() ? name.name : name.ToString();
  return absl::InvalidArgumentError(
      absl::StrCat(KindName(kind), " \"", absl::CEscape(object), "\": ", cause.message()));
}

}  // namespace shunt::sources::kubernetes

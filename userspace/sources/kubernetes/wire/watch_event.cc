// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/watch_event.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kubernetes/core.pb.h"
#include "kubernetes/discovery.pb.h"
#include "kubernetes/watch.pb.h"
#include "userspace/sources/kubernetes/wire/api_error.h"
#include "userspace/sources/kubernetes/wire/envelope.h"
#include "userspace/sources/kubernetes/wire/metadata_decoder.h"
#include "userspace/sources/kubernetes/wire/object_decoder.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

absl::StatusOr<WatchEventType> TypeOfEvent(absl::string_view word) {
  if (word == "ADDED") return WatchEventType::kAdded;
  if (word == "MODIFIED") return WatchEventType::kModified;
  if (word == "DELETED") return WatchEventType::kDeleted;
  if (word == "BOOKMARK") return WatchEventType::kBookmark;
  if (word == "ERROR") return WatchEventType::kError;
  return absl::InvalidArgumentError(
      absl::StrCat("a watch event of the unknown type \"", absl::CEscape(word.substr(0, 100)), "\""));
}

absl::string_view RawOf(absl::string_view message, WireFields& parent) {
  absl::string_view raw;
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == api::RawExtension::kRawFieldNumber) raw = fields.Bytes();
  }
  parent.Fail(fields.status());
  return raw;
}

// A bookmark's object has only metadata.
absl::Status ReadBookmark(absl::string_view object, WatchEvent& event) {
  constexpr int kMetadata = api::Service::kMetadataFieldNumber;
  static_assert(kMetadata == api::EndpointSlice::kMetadataFieldNumber);
  static_assert(kMetadata == api::Node::kMetadataFieldNumber);
  WireFields fields(object);
  while (fields.Next()) {
    if (fields.number() != kMetadata) continue;
    absl::StatusOr<Metadata> metadata = DecodeMetadata(fields.Bytes());
    fields.Fail(metadata.status());
    if (!metadata.ok()) break;
    event.version = std::move(metadata->version);
    event.initial_events_end = metadata->initial_events_end;
  }
  return fields.status();
}

void ReadObject(ObjectKind kind, absl::string_view bytes, WatchEvent& event) {
  absl::StatusOr<Object> object = DecodeObject(kind, bytes);
  if (!object.ok()) {
    event.unusable = DescribeUnusable(kind, bytes, object.status());
    event.version = event.unusable->version;
    return;
  }
  event.version = std::visit([](const auto& value) { return value.resource_version; }, *object);
  event.object = *std::move(object);
}

absl::Status ReadError(const Envelope& envelope, WatchEvent& event) {
  absl::Status is_status = CheckType(envelope.type, kStatusType);
  if (!is_status.ok()) return is_status;
  absl::StatusOr<ApiError> error = DecodeStatus(envelope.object);
  if (!error.ok()) return error.status();
  event.error = *std::move(error);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WatchEvent> DecodeWatchEvent(ObjectKind kind, absl::string_view frame) {
  absl::string_view type;
  absl::string_view raw;
  WireFields fields(frame);
  while (fields.Next()) {
    if (fields.number() == api::WatchEvent::kTypeFieldNumber) type = fields.Bytes();
    if (fields.number() == api::WatchEvent::kObjectFieldNumber) raw = RawOf(fields.Bytes(), fields);
  }
  if (!fields.status().ok()) return fields.status();
  const absl::StatusOr<WatchEventType> event_type = TypeOfEvent(type);
  if (!event_type.ok()) return event_type.status();
  const absl::StatusOr<Envelope> envelope = OpenEnvelope(raw);
  if (!envelope.ok()) return envelope.status();

  WatchEvent event;
  event.type = *event_type;
  absl::Status status =
      event.type == WatchEventType::kError ? ReadError(*envelope, event) : CheckType(envelope->type, TypeOf(kind));
  if (status.ok() && event.type == WatchEventType::kBookmark) {
    status = ReadBookmark(envelope->object, event);
  } else if (status.ok() && event.type != WatchEventType::kError) {
    ReadObject(kind, envelope->object, event);
  }
  if (!status.ok()) return status;
  return event;
}

}  // namespace shunt::sources::kubernetes

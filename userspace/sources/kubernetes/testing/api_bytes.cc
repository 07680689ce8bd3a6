// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/testing/api_bytes.h"

#include "absl/strings/str_cat.h"
#include "kubernetes/core.pb.h"
#include "kubernetes/discovery.pb.h"
#include "kubernetes/meta.pb.h"
#include "kubernetes/watch.pb.h"
#include "userspace/sources/kubernetes/wire/envelope.h"
#include "userspace/sources/kubernetes/wire/object_encoder.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

std::string InEnvelope(const TypeName& type, absl::string_view message) {
  return Enveloped(type.api_version, type.kind, message);
}

std::string StatusMessage(const ApiError& error) {
  api::Status status;
  status.set_code(error.code);
  status.set_reason(error.reason);
  status.set_message(error.message);
  if (error.retry_after) {
    status.mutable_details()->set_retry_after_seconds(static_cast<int32_t>(error.retry_after->count()));
  }
  if (error.version_too_large) status.mutable_details()->add_causes()->set_reason("ResourceVersionTooLarge");
  return InEnvelope(kStatusType, status.SerializeAsString());
}

template <typename List, typename Value, typename Encode>
std::string ListOf(const std::vector<Object>& items, absl::string_view version, absl::string_view continue_token,
                   Encode encode) {
  List list;
  list.mutable_metadata()->set_resource_version(std::string(version));
  list.mutable_metadata()->set_continue_(std::string(continue_token));
  for (const Object& item : items) encode(std::get<Value>(item), list.add_items());
  return list.SerializeAsString();
}

std::string ListMessage(ObjectKind kind, const std::vector<Object>& items, absl::string_view version,
                        absl::string_view continue_token) {
  switch (kind) {
    case ObjectKind::kService:
      return ListOf<api::ServiceList, model::Service>(items, version, continue_token, EncodeService);
    case ObjectKind::kEndpointSlice:
      return ListOf<api::EndpointSliceList, model::EndpointSlice>(items, version, continue_token, EncodeEndpointSlice);
    case ObjectKind::kNode:
      return ListOf<api::NodeList, model::Node>(items, version, continue_token, EncodeNode);
  }
  return "";
}

}  // namespace

std::string MessageOf(const Object& object) {
  if (const auto* service = std::get_if<model::Service>(&object)) {
    api::Service message;
    EncodeService(*service, &message);
    return message.SerializeAsString();
  }
  if (const auto* slice = std::get_if<model::EndpointSlice>(&object)) {
    api::EndpointSlice message;
    EncodeEndpointSlice(*slice, &message);
    return message.SerializeAsString();
  }
  api::Node message;
  EncodeNode(std::get<model::Node>(object), &message);
  return message.SerializeAsString();
}

std::string Enveloped(absl::string_view api_version, absl::string_view kind, absl::string_view message) {
  api::Unknown unknown;
  unknown.mutable_type_meta()->set_api_version(std::string(api_version));
  unknown.mutable_type_meta()->set_kind(std::string(kind));
  unknown.set_raw(std::string(message));
  return absl::StrCat(kEnvelopeMagic, unknown.SerializeAsString());
}

std::string ListBody(ObjectKind kind, const std::vector<Object>& items, absl::string_view version,
                     absl::string_view continue_token) {
  return InEnvelope(ListTypeOf(kind), ListMessage(kind, items, version, continue_token));
}

std::string ListBodyAround(ObjectKind kind, const std::vector<std::string>& messages, const std::vector<Object>& items,
                           absl::string_view version, absl::string_view continue_token) {
  // Messages whose fields follow one another are merged, and all lists have their items in the same field.
  api::Unknown item;
  static_assert(int{api::Unknown::kRawFieldNumber} == int{api::ServiceList::kItemsFieldNumber});
  std::string list;
  for (const std::string& message : messages) {
    item.set_raw(message);
    list += item.SerializeAsString();
  }
  return InEnvelope(ListTypeOf(kind), list + ListMessage(kind, items, version, continue_token));
}

std::string Frame(absl::string_view type, absl::string_view enveloped) {
  api::WatchEvent event;
  event.set_type(std::string(type));
  event.mutable_object()->set_raw(std::string(enveloped));
  const std::string message = event.SerializeAsString();
  std::string frame;
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(message.size() >> shift & 0xff);
  return frame + message;
}

std::string EventFrame(absl::string_view type, const Object& object) {
  return Frame(type, InEnvelope(TypeOf(KindOf(object)), MessageOf(object)));
}

std::string EventFrameAround(absl::string_view type, ObjectKind kind, absl::string_view message) {
  return Frame(type, InEnvelope(TypeOf(kind), message));
}

std::string BookmarkFrame(ObjectKind kind, absl::string_view version, bool initial_events_end) {
  api::Service bare;  // all objects are alike as far as their metadata
  bare.mutable_metadata()->set_resource_version(std::string(version));
  if (initial_events_end) (*bare.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
  return Frame("BOOKMARK", InEnvelope(TypeOf(kind), bare.SerializeAsString()));
}

std::string ErrorFrame(int code, absl::string_view reason, absl::string_view message) {
  return Frame("ERROR", StatusMessage({.code = code, .reason = std::string(reason), .message = std::string(message)}));
}

std::string StatusBody(const ApiError& error) {
  return StatusMessage(error);
}

}  // namespace shunt::sources::kubernetes

// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/list_decoder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kubernetes/core.pb.h"
#include "kubernetes/discovery.pb.h"
#include "kubernetes/meta.pb.h"
#include "kubernetes/watch.pb.h"
#include "userspace/sources/kubernetes/wire/envelope.h"
#include "userspace/sources/kubernetes/wire/object_decoder.h"
#include "userspace/sources/kubernetes/wire/stream.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

// The most bytes of the magic, a TypeMeta and the beginning of `raw`; they take about 50.
constexpr size_t kHeadBytesMax = 1024;

// Lists differ only in their items' type.
constexpr int kListMetadata = api::ServiceList::kMetadataFieldNumber;
constexpr int kListItems = api::ServiceList::kItemsFieldNumber;
static_assert(kListMetadata == api::EndpointSliceList::kMetadataFieldNumber);
static_assert(kListMetadata == api::NodeList::kMetadataFieldNumber);
static_assert(kListItems == api::EndpointSliceList::kItemsFieldNumber);
static_assert(kListItems == api::NodeList::kItemsFieldNumber);

}  // namespace

// The body is an envelope around a list that is never in memory as a whole: first the envelope's head up to the list's
// first byte, then the list, then the rest of the envelope.
class ListDecoder::Parser {
 public:
  explicit Parser(ObjectKind kind) : kind_(kind) {}

  absl::Status Append(absl::string_view bytes, const ListItems& items) {
    if (!in_list_) {
      head_.append(bytes.data(), bytes.size());
      const absl::StatusOr<size_t> head_size = ReadHead();
      if (!head_size.ok() || *head_size == 0) return head_size.status();
      const std::string head = std::move(head_);
      return AppendToList(absl::string_view(head).substr(*head_size), items);
    }
    return AppendToList(bytes, items);
  }

  absl::Status Finish() const {
    if (in_list_ && list_bytes_left_ == 0 && list_.AtBoundary() && tail_.AtBoundary()) return absl::OkStatus();
    return absl::InvalidArgumentError("the list is cut short");
  }

  const std::string& version() const { return version_; }
  const std::string& continue_token() const { return continue_token_; }

 private:
  // Returns the head's size, or 0 if more bytes are needed.
  absl::StatusOr<size_t> ReadHead() {
    const absl::string_view head = head_;
    if (!absl::StartsWith(head, kEnvelopeMagic.substr(0, head.size()))) {
      return absl::InvalidArgumentError("not Kubernetes protobuf: it does not begin with \"k8s\" and a zero");
    }
    TypeName type;
    size_t size = kEnvelopeMagic.size();
    while (size < head.size()) {
      WireField field;
      const FieldState state = ReadField(head.substr(size), &field);
      if (state == FieldState::kTooShort) break;
      if (state == FieldState::kBroken) return absl::InvalidArgumentError("broken protobuf before the list");
      if (field.number == api::Unknown::kRawFieldNumber && field.type == WireField::Type::kBytes) {
        return BeginList(type, size + field.size - field.bytes.size(), field.length);
      }
      if (state == FieldState::kStarted) break;
      if (field.number == api::Unknown::kTypeMetaFieldNumber) {
        const absl::StatusOr<TypeName> found = DecodeTypeName(field.bytes);
        if (!found.ok()) return found.status();
        type = *found;
      }
      size += field.size;
    }
    if (head.size() > kHeadBytesMax) return absl::InvalidArgumentError("no list begins");
    return 0;
  }

  absl::StatusOr<size_t> BeginList(const TypeName& type, size_t head_size, uint64_t length) {
    absl::Status is_list = CheckType(type, ListTypeOf(kind_));
    if (!is_list.ok()) return is_list;
    in_list_ = true;
    list_bytes_left_ = length;
    return head_size;
  }

  absl::Status AppendToList(absl::string_view bytes, const ListItems& items) {
    const absl::string_view of_list = bytes.substr(0, list_bytes_left_);
    list_bytes_left_ -= of_list.size();
    absl::Status status = list_.Append(of_list, [&](int number, absl::string_view field) -> absl::Status {
      if (number == kListMetadata) return ReadMetadata(field);
      if (number != kListItems) return absl::OkStatus();
      if (++item_count_ > kListItemsMax) {
        return absl::InvalidArgumentError(absl::StrCat("a list of more than ", kListItemsMax, " items"));
      }
      absl::StatusOr<Object> object = DecodeObject(kind_, field);
      if (object.ok()) {
        items.usable(*std::move(object));
      } else {
        items.unusable(DescribeUnusable(kind_, field, object.status()));
      }
      return absl::OkStatus();
    });
    // The list is followed by its encoding and content type, both empty.
    if (status.ok()) status = tail_.Append(bytes.substr(of_list.size()), [](int, auto) { return absl::OkStatus(); });
    return status;
  }

  absl::Status ReadMetadata(absl::string_view message) {
    WireFields fields(message);
    while (fields.Next()) {
      if (fields.number() == api::ListMeta::kResourceVersionFieldNumber) version_ = std::string(fields.Bytes());
      if (fields.number() == api::ListMeta::kContinueFieldNumber) continue_token_ = std::string(fields.Bytes());
    }
    return fields.status();
  }

  const ObjectKind kind_;
  std::string head_;  // while it is incomplete
  bool in_list_ = false;
  uint64_t list_bytes_left_ = 0;
  size_t item_count_ = 0;
  FieldStream list_;
  FieldStream tail_;
  std::string version_;
  std::string continue_token_;
};

ListDecoder::ListDecoder(ObjectKind kind) : parser_(std::make_unique<Parser>(kind)) {}
ListDecoder::~ListDecoder() = default;

absl::Status ListDecoder::Append(absl::string_view bytes, const ListItems& items) {
  return parser_->Append(bytes, items);
}

absl::Status ListDecoder::Finish() const {
  return parser_->Finish();
}

const std::string& ListDecoder::version() const {
  return parser_->version();
}

const std::string& ListDecoder::continue_token() const {
  return parser_->continue_token();
}

}  // namespace shunt::sources::kubernetes

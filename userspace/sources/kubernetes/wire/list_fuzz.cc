// SPDX-License-Identifier: Apache-2.0
// Any bytes as a list of any kind: no crash, the same items and the same verdict wherever the bytes are cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "userspace/sources/kubernetes/testing/round_trip.h"
#include "userspace/sources/kubernetes/wire/list_decoder.h"

namespace shunt::sources::kubernetes {
namespace {

struct Outcome {
  bool whole = false;
  std::vector<Object> items;
  std::vector<UnusableObject> left_out;
  std::string version;
  std::string continue_token;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome Decode(ObjectKind kind, absl::string_view bytes, size_t piece_size) {
  Outcome outcome;
  ListDecoder decoder(kind);
  absl::Status status;
  const auto keep = [&outcome](Object object) { outcome.items.push_back(std::move(object)); };
  const auto leave_out = [&outcome](UnusableObject object) { outcome.left_out.push_back(std::move(object)); };
  while (!bytes.empty() && status.ok()) {
    const size_t size = std::min(bytes.size(), piece_size);
    status = decoder.Append(bytes.substr(0, size), {.usable = keep, .unusable = leave_out});
    bytes.remove_prefix(size);
  }
  outcome.whole = status.ok() && decoder.Finish().ok();
  outcome.version = decoder.version();
  outcome.continue_token = decoder.continue_token();
  return outcome;
}

}  // namespace
}  // namespace shunt::sources::kubernetes

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace shunt::sources::kubernetes;  // NOLINT
  using shunt::sources::ObjectKind;
  const absl::string_view input(reinterpret_cast<const char*>(bytes), size);
  for (const ObjectKind kind : {ObjectKind::kService, ObjectKind::kEndpointSlice, ObjectKind::kNode}) {
    const Outcome outcome = Decode(kind, input, size + 1);
    for (const shunt::sources::Object& item : outcome.items) RequireRoundTrip(item);
    for (const UnusableObject& object : outcome.left_out) RequireDescribed(kind, object);
    Require(Decode(kind, input, size / 3 + 1) == outcome);
    Require(Decode(kind, input, 1) == outcome);
  }
  return 0;
}

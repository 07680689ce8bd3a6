// SPDX-License-Identifier: Apache-2.0
// A list of objects, decoded while it arrives. All of it takes hostile input: any bytes give a list or an error, and
// never take more memory than the caps allow.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_LIST_DECODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_LIST_DECODER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// The most items of one list, or of one page of it; several times the largest cluster that Kubernetes is tested with.
inline constexpr size_t kListItemsMax = 500'000;

// Gives every item to its caller as soon as the item is complete, so that the body, which may be hundreds of megabytes,
// is never held.
class ListDecoder {
 public:
  explicit ListDecoder(ObjectKind kind);
  ~ListDecoder();

  // Calls `item` for every object that is now complete. Returns kInvalidArgument if the bytes are not a list of that
  // kind or if it has more than kListItemsMax items; the decoder is unusable after an error.
  absl::Status Append(absl::string_view bytes, const std::function<void(Object)>& item);
  // To be called after the last piece. Returns kInvalidArgument if the list is cut short.
  absl::Status Finish() const;

  // From the list's metadata; known after Finish.
  const std::string& version() const;
  const std::string& continue_token() const;  // empty: this was the last page

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_LIST_DECODER_H_

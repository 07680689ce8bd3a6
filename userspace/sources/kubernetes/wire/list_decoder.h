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
#include "userspace/sources/kubernetes/wire/object_decoder.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// The most items of one list, or of one page of it; several times the largest cluster that Kubernetes is tested with.
inline constexpr size_t kListItemsMax = 500'000;

// Receives the items of a list.
struct ListItems {
  std::function<void(Object)> usable;
  std::function<void(UnusableObject)> unusable;  // the list goes on after it
};

// Gives every item to its caller as soon as the item is complete, so that the body, which may be hundreds of megabytes,
// is never held.
class ListDecoder {
 public:
  explicit ListDecoder(ObjectKind kind);
  ~ListDecoder();

  // Gives every object that is now complete to `items`. Returns kInvalidArgument if the bytes are not a list of that
  // kind, if one of its items is larger than kFrameBytesMax, or if it has more than kListItemsMax of them; the decoder
  // must not be used after an error.
  absl::Status Append(absl::string_view bytes, const ListItems& items);
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

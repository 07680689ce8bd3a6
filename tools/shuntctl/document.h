// SPDX-License-Identifier: Apache-2.0
// Messages of the admin API as JSON and YAML documents for other programs. The shape is stable: a document says
// apiVersion and kind, a list has its items below `items`, and the rest is protobuf's JSON: camelCase names, enums by
// name, fields of value zero included. Other than protobuf's, a 64-bit number is a number up to 2^53, where every
// reader is exact, and a string only beyond; and a fraction has six significant digits.
#ifndef SHUNT_TOOLS_SHUNTCTL_DOCUMENT_H_
#define SHUNT_TOOLS_SHUNTCTL_DOCUMENT_H_

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "tools/shuntctl/options.h"

namespace shunt::shuntctl {

using Json = nlohmann::ordered_json;

Json ToJson(const google::protobuf::Message& message);

// Returns {apiVersion, kind}, to which the caller adds the rest.
Json NewDocument(absl::string_view kind);

// Returns the document in `format`. ASCII only, whatever names it contains; ends in a newline.
// REQUIRES: `format` is a format of documents.
std::string Print(const Json& document, Format format);

// Returns the document {apiVersion, kind, and the message's fields}.
std::string PrintMessage(absl::string_view kind, const google::protobuf::Message& message, Format format);

// Returns the document {apiVersion, kind, items}.
std::string PrintList(absl::string_view kind, const std::vector<const google::protobuf::Message*>& messages,
                      Format format);
template <typename Messages>
std::string PrintList(absl::string_view kind, const Messages& messages, Format format) {
  return PrintList(
      kind, std::vector<const google::protobuf::Message*>(messages.pointer_begin(), messages.pointer_end()), format);
}

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_DOCUMENT_H_

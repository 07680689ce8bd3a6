// SPDX-License-Identifier: Apache-2.0
// Checks the STANDARD rules of Buf's linter, as far as a descriptor set shows them, and one of our own: every message,
// field, enum, value, service and method has a comment.
#ifndef SHUNT_PROTO_LINT_H_
#define SHUNT_PROTO_LINT_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace shunt::proto {

// Returns a line per violation: "RULE full.name: what is wrong". REQUIRES: `file` was built with source locations.
std::vector<std::string> Lint(const google::protobuf::FileDescriptor& file);

}  // namespace shunt::proto

#endif  // SHUNT_PROTO_LINT_H_

// SPDX-License-Identifier: Apache-2.0
// How far a source had followed one kind of object; the pins keep it beyond the agent.
#ifndef SHUNT_REPORT_SOURCE_VERSION_H_
#define SHUNT_REPORT_SOURCE_VERSION_H_

#include <cstdint>
#include <string>

namespace shunt::report {

struct SourceVersion {
  std::string version;   // the Kubernetes API's resourceVersion, opaque; empty if unknown
  uint64_t objects = 0;  // the number of objects at that version

  friend bool operator==(const SourceVersion&, const SourceVersion&) = default;
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_SOURCE_VERSION_H_

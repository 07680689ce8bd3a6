// SPDX-License-Identifier: Apache-2.0
// How far a source had followed one kind of object: what outlives the agent, beside the pins.
#ifndef SHUNT_REPORT_SOURCE_VERSION_H_
#define SHUNT_REPORT_SOURCE_VERSION_H_

#include <cstdint>
#include <string>

namespace shunt::report {

struct SourceVersion {
  std::string version;   // the Kubernetes API's resourceVersion, opaque; empty: none is known
  uint64_t objects = 0;  // how many there were at that version

  friend bool operator==(const SourceVersion&, const SourceVersion&) = default;
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_SOURCE_VERSION_H_

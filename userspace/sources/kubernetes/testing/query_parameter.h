// SPDX-License-Identifier: Apache-2.0
// Reads the parameters of a request, for tests that answer it.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_QUERY_PARAMETER_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_QUERY_PARAMETER_H_

#include <optional>
#include <string>

namespace shunt::sources::kubernetes {

// Returns the value of a parameter, still escaped, or nothing if it is missing. Does not find the query's first
// parameter.
inline std::optional<std::string> QueryParameter(const std::string& target, const std::string& name) {
  const size_t key = target.find("&" + name + "=");
  if (key == std::string::npos) return std::nullopt;
  const size_t value = key + name.size() + 2;
  return target.substr(value, target.find('&', value) - value);
}

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_QUERY_PARAMETER_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_TOOLS_SHUNTCTL_YAML_H_
#define SHUNT_TOOLS_SHUNTCTL_YAML_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace shunt::shuntctl {

// Returns the value as a YAML document in block style. A string is unquoted only if every YAML reader, 1.1 or 1.2,
// reads it as that string; otherwise it is in double quotes, with everything but ASCII escaped.
std::string ToYaml(const nlohmann::ordered_json& value);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_YAML_H_

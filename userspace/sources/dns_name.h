// SPDX-License-Identifier: Apache-2.0
// Which names Kubernetes accepts for objects.
#ifndef SHUNT_SOURCES_DNS_NAME_H_
#define SHUNT_SOURCES_DNS_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace shunt::sources {

// The two forms of RFC 1123: a label is at most 63 characters without a dot, a subdomain at most 253 of labels
// that are separated by dots.
enum class NameForm { kLabel, kSubdomain };

// Returns what is wrong with the text as a name, to follow the field's path in a message; empty if nothing is wrong.
std::string WrongWithName(absl::string_view text, NameForm form);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DNS_NAME_H_

// SPDX-License-Identifier: Apache-2.0
// shuntctl version: of this program and of the agent.
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "shunt_version.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/printable.h"

namespace shunt::shuntctl {
namespace {

// Never fails: shuntctl has a version even if no agent answers.
absl::StatusOr<Answer> Show(const Request& request) {
  const absl::StatusOr<v1::AgentStatus> status = request.reader.Status();
  const bool answered = status.ok() && status->pid() != 0;
  if (request.options.IsDocument()) {
    Json document = NewDocument("Version");
    document["shuntctl"] = kVersion;
    document["shuntd"] = answered ? Json(status->version()) : Json(nullptr);
    if (status.ok()) document["abi"] = status->abi_version();
    return Answer{Print(document, request.options.format), ""};
  }
  std::string text = absl::StrCat("shuntctl ", kVersion, "\n");
  if (answered) {
    absl::StrAppend(&text, "shuntd   ", Printable(status->version()), "\n");
  } else if (status.ok()) {
    absl::StrAppend(&text, "shuntd   not asked: --offline\n");
  } else {
    absl::StrAppend(&text, "shuntd   ", Printable(std::string(status.status().message())), "\n");
  }
  if (status.ok()) absl::StrAppend(&text, "ABI      ", status->abi_version(), "\n");
  return Answer{text, ""};
}

}  // namespace

Object VersionObject() {
  return {.name = "version",
          .summary = "Versions of shuntctl, of the agent and of the maps' layout",
          .commands = {{.summary = "The versions of shuntctl, of the agent if it answers, and of the maps' layout",
                        .examples = {"shuntctl version", "shuntctl version -j"},
                        .run = &Show}}};
}

}  // namespace shunt::shuntctl

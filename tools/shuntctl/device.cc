// SPDX-License-Identifier: Apache-2.0
// shuntctl device: where packets are translated.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/printable.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

// "yes", or "no" of a device that is to have its programs; empty of one that is not.
std::string InForceText(const v1::Device& device) {
  if (device.in_force()) return "yes";
  return device.wanted() ? "no" : "";
}

std::string SourcesText(const v1::Device& device) {
  std::vector<std::string> sources;
  for (const std::string& source : {device.source_v4(), device.source_v6()}) {
    if (!source.empty()) sources.push_back(source);
  }
  return absl::StrJoin(sources, ",");
}

std::string Listed(const v1::ListDevicesResponse& response, Format format) {
  Json document = NewDocument("DeviceList");
  const Json fields = ToJson(response);
  for (const auto& [name, value] : fields.items()) document[name == "devices" ? "items" : name] = value;
  return Print(document, format);
}

absl::StatusOr<Answer> List(const Request& request) {
  const absl::StatusOr<v1::ListDevicesResponse> response = request.reader.Devices();
  if (!response.ok()) return response.status();
  if (request.options.IsDocument()) return Answer{Listed(*response, request.options.format), ""};
  Table table({"NAME", "INDEX", "ROLE", "IN-FORCE", "HOOK", "SOURCE", "MTU", "WHY-NOT"});
  for (const v1::Device& device : response->devices()) {
    table.Add({device.name(), absl::StrCat(device.index()), DeviceRoleText(device.role()), InForceText(device),
               DeviceHookText(device.hook()), SourcesText(device), device.mtu() == 0 ? "" : absl::StrCat(device.mtu()),
               device.why_not()});
  }
  if (table.empty()) return Answer{.text = "", .note = "No devices: packets are not translated on this node."};
  Answer answer{.text = table.ToString(request.options.headers)};
  if (!response->unmatched().empty()) {
    answer.note = absl::StrCat("No device has a name that the settings choose: ",
                               Printable(absl::StrJoin(response->unmatched(), ", ")));
  }
  return answer;
}

}  // namespace

Object DeviceObject() {
  return {
      .name = "device",
      .aliases = {"devices"},
      .summary = "Devices: where packets are translated",
      .commands = {{.name = "list",
                    .aliases = {"ls", "show", "get"},
                    .summary = "All devices of the node: role, hook, and why one has no programs",
                    .details = {"SOURCE is what packets towards the device get as their source, where they get one.",
                                "IN-FORCE is no where programs are wanted and missing: packets that come there",
                                "are not translated."},
                    .examples = {"shuntctl device list", "shuntctl device list -j --offline"},
                    .run = &List}}};
}

}  // namespace shunt::shuntctl

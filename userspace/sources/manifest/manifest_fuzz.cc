// SPDX-License-Identifier: Apache-2.0
// Any bytes as a manifest, YAML and JSON: no crash, and every object that is accepted is well-formed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "userspace/model/ip_address.h"
#include "userspace/sources/dns_name.h"
#include "userspace/sources/manifest/manifest.h"
#include "userspace/sources/manifest/manifest_set.h"

namespace shunt::sources {
namespace {

void Require(bool holds) {
  if (!holds) abort();
}

void RequireWellFormed(const DecodedEndpoints& endpoints, int lines) {
  Require(endpoints.line >= 1 && endpoints.line <= lines);
  Require(WrongWithName(endpoints.name.name, NameForm::kSubdomain).empty());
  for (size_t i = 0; i < endpoints.slices.size(); ++i) {
    const model::EndpointSlice& slice = endpoints.slices[i];
    Require(slice.name.name == absl::StrCat("endpoints/", endpoints.name.name, "/", i));
    Require(slice.ServiceName() == endpoints.name);
    Require(!slice.endpoints.empty() && slice.endpoints.size() <= kMirroredAddressesMax);
    for (const model::Endpoint& endpoint : slice.endpoints) {
      const std::optional<model::IpAddress> ip = model::IpAddress::Parse(absl::string_view(endpoint.address));
      Require(ip.has_value() && ip->IsV4() == (slice.address_type == model::AddressType::kIpv4));
    }
    for (const model::EndpointPort& port : slice.ports) Require(port.port.value_or(0) != 0);
  }
}

void RequireWellFormed(const Manifest& manifest, int lines) {
  const auto require_place = [lines](const ParseError& complaint) {
    Require(complaint.line >= 1 && complaint.line <= lines && !complaint.what.empty());
  };
  for (const ManifestError& error : manifest.errors) {
    require_place(error);
    Require(!error.service.has_value() || error.object == absl::StrCat("Service ", error.service->ToString()));
  }
  for (const ParseError& warning : manifest.warnings) require_place(warning);
  for (const UnknownObject& unknown : manifest.unknown) {
    Require(unknown.line >= 1 && unknown.line <= lines && HasNoSuchKind(unknown.type));
  }
  for (const DecodedEndpoints& endpoints : manifest.endpoints) RequireWellFormed(endpoints, lines);
  for (const DecodedObject& decoded : manifest.objects) {
    Require(decoded.line >= 1 && decoded.line <= lines);
    const model::ObjectName name = NameOf(decoded.object);
    Require(WrongWithName(name.name, NameForm::kSubdomain).empty());
    if (const auto* service = std::get_if<model::Service>(&decoded.object)) {
      Require(WrongWithName(name.name, NameForm::kLabel).empty());
      Require(WrongWithName(name.namespace_name, NameForm::kLabel).empty());
      Require(service->affinity_timeout_s >= 0 && service->affinity_timeout_s <= 86'400);
      for (const model::ServicePort& port : service->ports) Require(port.port != 0 && port.name.size() <= 63);
    }
  }
}

void TryAs(absl::string_view text, ManifestFormat format) {
  const auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  const Manifest manifest = DecodeManifest(text, format);
  RequireWellFormed(manifest, lines);

  ManifestSet set;
  set.Put("a", manifest);
  const size_t events = set.TakeChanges().size();
  size_t objects = manifest.objects.size();
  for (const DecodedEndpoints& endpoints : manifest.endpoints) objects += endpoints.slices.size();
  Require(events <= objects);
  Require(set.Problems().size() >= manifest.errors.size() + manifest.warnings.size());
  set.Put("a", DecodeManifest(text, format));
  Require(set.TakeChanges().empty());
  set.Put("b", manifest);
  Require(set.TakeChanges().empty());
  set.Remove("a");
  Require(set.TakeChanges().empty());
  set.Remove("b");
  Require(set.TakeChanges().size() == events);
}

}  // namespace
}  // namespace shunt::sources

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  shunt::sources::TryAs(text, shunt::sources::ManifestFormat::kYaml);
  shunt::sources::TryAs(text, shunt::sources::ManifestFormat::kJson);
  return 0;
}

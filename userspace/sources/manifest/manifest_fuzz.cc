// SPDX-License-Identifier: Apache-2.0
// Any bytes as a manifest, YAML and JSON: no crash, and every object that is accepted is well-formed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "userspace/sources/dns_name.h"
#include "userspace/sources/manifest/manifest.h"
#include "userspace/sources/manifest/manifest_set.h"

namespace shunt::sources {
namespace {

void Require(bool holds) {
  if (!holds) abort();
}

void RequireWellFormed(const Manifest& manifest, int lines) {
  for (const ParseError& error : manifest.errors) {
    Require(error.line >= 1 && error.line <= lines && !error.what.empty());
  }
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
  Require(events <= manifest.objects.size());
  Require(set.Problems().size() >= manifest.errors.size());
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

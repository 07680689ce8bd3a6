// SPDX-License-Identifier: Apache-2.0
#include "tests/playground/shop.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <stop_token>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "userspace/sources/manifest/manifest_directory.h"

namespace shunt::playground {
namespace {

// Collects the source's initial state, then stops the source.
class Collector final : public sources::Sink {
 public:
  explicit Collector(std::stop_source stop) : stop_(std::move(stop)) {}

  void Deliver(std::vector<sources::Event> events) override {
    for (sources::Event& event : events) {
      auto* upsert = std::get_if<sources::Upsert>(&event);
      if (upsert == nullptr) continue;
      if (auto* service = std::get_if<model::Service>(&upsert->object)) shop.services.push_back(std::move(*service));
      if (auto* slice = std::get_if<model::EndpointSlice>(&upsert->object)) shop.slices.push_back(std::move(*slice));
      if (auto* node = std::get_if<model::Node>(&upsert->object)) shop.nodes.push_back(std::move(*node));
    }
  }
  void Synced() override { stop_.request_stop(); }
  void Report(std::vector<sources::SourceProblem> reported) override { problems = std::move(reported); }

  Shop shop;
  std::vector<sources::SourceProblem> problems;

 private:
  std::stop_source stop_;
};

}  // namespace

absl::StatusOr<Shop> ReadShop(const std::string& directory) {
  std::stop_source stop;
  Collector collector(stop);
  if (absl::Status status = sources::ManifestDirectory(directory).Run(collector, stop.get_token()); !status.ok()) {
    return status;
  }
  for (const sources::SourceProblem& problem : collector.problems) {
    return absl::InvalidArgumentError(absl::StrCat(directory, "/", problem.where, ": ", problem.what));
  }
  std::sort(collector.shop.services.begin(), collector.shop.services.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return std::move(collector.shop);
}

std::vector<Pod> PodsOf(const Shop& shop) {
  std::map<std::string, std::set<PodListener>> listeners;
  for (const model::EndpointSlice& slice : shop.slices) {
    for (const model::Endpoint& endpoint : slice.endpoints) {
      if (endpoint.address.empty()) continue;
      const auto address = model::IpAddress::Parse(endpoint.address);
      if (!address.has_value()) continue;
      const std::string name((endpoint.pod_name.empty() ? endpoint.address : endpoint.pod_name).view());
      for (const model::EndpointPort& port : slice.ports) {
        if (port.protocol == model::Protocol::kSctp || port.port.value_or(0) == 0) continue;
        listeners[name].insert({{*address, *port.port}, port.protocol});
      }
    }
  }
  std::vector<Pod> pods;
  for (auto& [name, of_pod] : listeners) pods.push_back({name, {of_pod.begin(), of_pod.end()}});
  return pods;
}

absl::Status RemovePodFromFile(const std::string& file, const std::string& pod) {
  int removed = 0;
  std::string text;
  try {
    for (const YAML::Node& document : YAML::LoadAllFromFile(file)) {
      YAML::Node changed = YAML::Clone(document);
      if (changed["endpoints"].IsDefined()) {
        YAML::Node kept(YAML::NodeType::Sequence);
        for (const YAML::Node& endpoint : changed["endpoints"]) {
          if (endpoint["targetRef"]["name"].as<std::string>("") == pod) {
            ++removed;
          } else {
            kept.push_back(endpoint);
          }
        }
        changed["endpoints"] = kept;
      }
      absl::StrAppend(&text, "---\n", YAML::Dump(changed), "\n");
    }
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("edit ", file, ": ", e.what()));
  }
  if (removed == 0) return absl::NotFoundError(absl::StrCat("edit ", file, ": no endpoint of pod ", pod));
  // The agent does not read the file before it has its final name.
  const size_t slash = file.rfind('/') + 1;
  const std::string beside = absl::StrCat(file.substr(0, slash), ".", file.substr(slash));
  std::ofstream out(beside);
  out << text;
  out.close();
  if (!out || std::rename(beside.c_str(), file.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("replace ", file));
  }
  return absl::OkStatus();
}

}  // namespace shunt::playground

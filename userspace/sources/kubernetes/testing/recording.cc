// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/testing/recording.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "userspace/sources/kubernetes/wire/metadata_decoder.h"
#include "userspace/sources/manifest/manifest.h"

namespace shunt::sources::kubernetes {
namespace {

std::string Dechunk(absl::string_view chunked) {
  std::string body;
  while (true) {
    const size_t line_end = chunked.find("\r\n");
    size_t size = 0;
    if (line_end == chunked.npos || !absl::SimpleHexAtoi(chunked.substr(0, line_end), &size)) break;
    if (size == 0) return body;
    absl::StrAppend(&body, chunked.substr(line_end + 2, size));
    chunked.remove_prefix(std::min(line_end + 2 + size + 2, chunked.size()));
  }
  ADD_FAILURE() << "the recording ends within its chunks";
  return body;
}

template <typename IsKept>
void Keep(std::map<std::string, std::string>& texts, IsKept is_kept) {
  std::erase_if(texts, [is_kept](const auto& entry) { return !is_kept(entry.first); });
}

Object Kept(Object object) {
  if (auto* service = std::get_if<model::Service>(&object)) {
    Keep(service->labels, IsKeptLabel);
    Keep(service->annotations, IsKeptAnnotation);
  } else if (auto* slice = std::get_if<model::EndpointSlice>(&object)) {
    Keep(slice->labels, IsKeptLabel);
    Keep(slice->annotations, IsKeptAnnotation);
  } else {
    Keep(std::get<model::Node>(object).labels, IsKeptLabel);
  }
  return object;
}

WatchEventType TypeOfEvent(const std::string& word) {
  static const std::map<std::string, WatchEventType> kTypes = {{"ADDED", WatchEventType::kAdded},
                                                               {"MODIFIED", WatchEventType::kModified},
                                                               {"DELETED", WatchEventType::kDeleted},
                                                               {"BOOKMARK", WatchEventType::kBookmark},
                                                               {"ERROR", WatchEventType::kError}};
  return kTypes.at(word);
}

}  // namespace

Recording ReadRecording(const std::string& name) {
  std::ifstream file(SHUNT_TESTDATA "/" + name + ".http", std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  const std::pair<std::string, std::string> parts = absl::StrSplit(content.str(), absl::MaxSplits("\r\n\r\n", 1));
  Recording recording;
  recording.body = parts.second;
  bool chunked = false;
  for (const absl::string_view line : absl::StrSplit(parts.first, "\r\n")) {
    if (absl::StartsWith(line, "HTTP/1.1 ") && !absl::SimpleAtoi(line.substr(9, 3), &recording.status)) break;
    if (absl::StartsWith(line, "Content-Type: ")) recording.content_type = std::string(line.substr(14));
    if (line == "Transfer-Encoding: chunked") chunked = true;
  }
  EXPECT_NE(recording.status, 0) << name;
  if (chunked) recording.body = Dechunk(recording.body);
  return recording;
}

std::vector<Object> JsonListItems(const std::string& body) {
  const Manifest manifest = DecodeManifest(body, ManifestFormat::kJson);
  for (const ParseError& error : manifest.errors) ADD_FAILURE() << error.line << ": " << error.what;
  std::vector<Object> items;
  for (const DecodedObject& decoded : manifest.objects) items.push_back(Kept(decoded.object));
  return items;
}

std::vector<WatchEvent> JsonWatchEvents(const std::string& body) {
  std::vector<WatchEvent> events;
  for (const absl::string_view line : absl::StrSplit(body, '\n', absl::SkipEmpty())) {
    const nlohmann::json json = nlohmann::json::parse(line);
    const nlohmann::json& object = json.at("object");
    WatchEvent event;
    event.type = TypeOfEvent(json.at("type"));
    if (event.type == WatchEventType::kError) {
      event.error = {.code = object.at("code"), .reason = object.at("reason"), .message = object.at("message")};
    } else {
      const nlohmann::json& metadata = object.at("metadata");
      event.version = metadata.at("resourceVersion");
      if (event.type != WatchEventType::kBookmark) event.object = JsonListItems(object.dump()).at(0);
      event.initial_events_end = metadata.value("/annotations/k8s.io~1initial-events-end"_json_pointer, "") == "true";
    }
    events.push_back(std::move(event));
  }
  return events;
}

Object WithoutIdentity(Object object) {
  if (auto* service = std::get_if<model::Service>(&object)) {
    service->uid.clear();
    service->creation_time_s = 0;
    service->cluster_ips.clear();
  } else if (auto* slice = std::get_if<model::EndpointSlice>(&object)) {
    slice->uid.clear();
  }
  std::visit([](auto& value) { value.resource_version.clear(); }, object);
  return object;
}

}  // namespace shunt::sources::kubernetes

// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/api_servers.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

constexpr char kNameOfAllApiServers[] = "kubernetes.default.svc";

std::string HostOf(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(host, url.find('/', host) - host);
}

}  // namespace

ApiServers::ApiServers(std::vector<ApiServer> configured) {
  for (ApiServer& server : configured) {
    if (Find(server.url) == nullptr) servers_.push_back({.address = std::move(server)});
  }
}

void ApiServers::NoteAnswer(const std::string& server, int http_status, SteadyTime now) {
  Count(server, absl::StrCat(http_status));
  if (Server* const known = Find(server)) known->answers = true;
  if (http_status >= 500) NoteBreak(server, now);
}

void ApiServers::NoteNoAnswer(const std::string& server, SteadyTime now) {
  Count(server, "<error>");
  NoteSilence(server, now);
}

void ApiServers::NoteBreak(const std::string& server, SteadyTime now) {
  if (Server* const known = Find(server)) known->away_at = now;
}

void ApiServers::NoteSilence(const std::string& server, SteadyTime now) {
  if (Server* const known = Find(server)) known->answers = false;
  NoteBreak(server, now);
}

bool ApiServers::IsComingBack(const std::string& server, SteadyTime now) const {
  const auto known =
      std::find_if(servers_.begin(), servers_.end(), [&](const Server& s) { return s.address.url == server; });
  return known != servers_.end() && known->away_at.has_value() && now - *known->away_at < kComingBack;
}

bool ApiServers::Avoid(const std::string& server, SteadyTime now) {
  if (Server* const known = Find(server)) known->avoided_at = now;
  if (current().url == server) ChooseCurrent();
  const std::optional<SteadyTime> left = servers_[current_].avoided_at;
  return current().url != server && (!left || now - *left >= kAvoidedFor);
}

void ApiServers::SetDiscovered(const std::vector<std::string>& urls) {
  if (absl::StartsWith(servers_.front().address.url, "http://")) return;
  const std::string before = current().url;
  std::erase_if(servers_, [&](const Server& server) {
    return server.discovered && std::find(urls.begin(), urls.end(), server.address.url) == urls.end();
  });
  const std::string configured_name = servers_.front().address.tls_server_name;
  const std::string name = configured_name.empty() ? kNameOfAllApiServers : configured_name;
  for (const std::string& url : urls) {
    if (Find(url) == nullptr) servers_.push_back({.address = {url, name}, .discovered = true});
  }
  const auto still =
      std::find_if(servers_.begin(), servers_.end(), [&](const Server& s) { return s.address.url == before; });
  if (still == servers_.end()) return ChooseCurrent();
  current_ = static_cast<size_t>(still - servers_.begin());
}

std::vector<report::RequestCount> ApiServers::requests() const {
  std::vector<report::RequestCount> counts;
  for (const auto& [key, count] : requests_) {
    counts.push_back({.code = key.second, .method = "GET", .host = key.first, .count = count});
  }
  return counts;
}

ApiServers::Server* ApiServers::Find(const std::string& url) {
  for (Server& server : servers_) {
    if (server.address.url == url) return &server;
  }
  return nullptr;
}

void ApiServers::Count(const std::string& server, const std::string& code) {
  ++requests_[{HostOf(server), code}];
}

void ApiServers::ChooseCurrent() {
  // A server that was never left comes first: nullopt is less than any time.
  const auto best = std::min_element(servers_.begin(), servers_.end(),
                                     [](const Server& a, const Server& b) { return a.avoided_at < b.avoided_at; });
  current_ = static_cast<size_t>(best - servers_.begin());
}

}  // namespace shunt::sources::kubernetes

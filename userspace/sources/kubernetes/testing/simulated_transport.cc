// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/testing/simulated_transport.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/testing/query_parameter.h"
#include "userspace/sources/kubernetes/testing/small_objects.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kHalfOpen{45};  // until a transport notices

ObjectKind KindAsked(const std::string& target) {
  if (absl::StrContains(target, "/services?")) return ObjectKind::kService;
  return absl::StrContains(target, "/nodes?") ? ObjectKind::kNode : ObjectKind::kEndpointSlice;
}

// The spec of every kind is field 2, and this is none.
std::string Illegible(const Object& object) {
  return MessageOf(object) + "\x12\x01x";
}

std::string ListOf(ObjectKind kind, const std::vector<Object>& items, absl::string_view version,
                   absl::string_view continue_token) {
  std::vector<Object> legible;
  std::vector<std::string> illegible;
  for (const Object& item : items) {
    if (SimulatedCluster::IsIllegible(Identify(item))) {
      illegible.push_back(Illegible(item));
    } else {
      legible.push_back(item);
    }
  }
  return ListBodyAround(kind, illegible, legible, version, continue_token);
}

std::string EventOf(const SimulatedCluster::Change& change) {
  const Object object = SmallObject(change.kind, change.object);
  return SimulatedCluster::IsIllegible(change.object) ? EventFrameAround(change.type, change.kind, Illegible(object))
                                                      : EventFrame(change.type, object);
}

uint64_t Number(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 10);
}

}  // namespace

Transport::RequestId SimulatedTransport::Start(HttpRequest request, ResponseHandler& handler) {
  Exchange exchange{.request = std::move(request), .handler = &handler};
  exchange.kind = KindAsked(exchange.request.target);
  exchange.server = Number(exchange.request.server.url.substr(8));
  exchange.next_at = world_.now + milliseconds(world_.random() % 20);
  world_.requests[static_cast<size_t>(exchange.kind)].push_back(world_.now);
  exchanges_.emplace(++last_, std::move(exchange));
  return last_;
}

SteadyTime SimulatedTransport::Wait(SteadyTime until) {
  for (bool called = false;;) {
    ++world_.turns;
    world_.on_turn();
    for (auto next = exchanges_.begin(); next != exchanges_.end();) {
      bool over = false;
      if (world_.now >= next->second.next_at) called |= Advance(next->second, over);
      next = over ? exchanges_.erase(next) : std::next(next);
    }
    break_all_ = false;
    if (called || woken_ || world_.now >= until) break;
    world_.now = std::min(until, world_.now + milliseconds(1 + world_.random() % (world_.Chance(10) ? 5000 : 100)));
  }
  woken_ = false;
  return world_.now;
}

bool SimulatedTransport::Advance(Exchange& exchange, bool& over) {
  if (!world_.cluster.servers[exchange.server].up || break_all_ || (world_.faulty && world_.Chance(300))) {
    return End(exchange, absl::UnavailableError("the connection broke or was refused"), over);
  }
  if (exchange.silent_until != SteadyTime()) {
    if (world_.now < exchange.silent_until) return false;
    return End(exchange, absl::DeadlineExceededError("the connection is half open"), over);
  }
  if (world_.faulty && world_.Chance(1000)) {
    exchange.silent_until = world_.now + kHalfOpen;
    return false;
  }
  if (!exchange.answered) {
    Answer(exchange);
    return true;
  }
  if (exchange.is_watch && !exchange.ends) FillWatch(exchange);
  if (!exchange.pending.empty()) return SendPiece(exchange);
  return exchange.ends && End(exchange, absl::OkStatus(), over);
}

bool SimulatedTransport::End(Exchange& exchange, const absl::Status& status, bool& over) {
  over = true;
  exchange.handler->OnEnd(status);
  return true;
}

void SimulatedTransport::Answer(Exchange& exchange) {
  exchange.answered = true;
  if (world_.faulty && world_.Chance(20)) {
    const ApiError errors[] = {{.code = 401, .reason = "Unauthorized"},
                               {.code = 403, .reason = "Forbidden"},
                               {.code = 404, .reason = "NotFound"},
                               {.code = 410, .reason = "Expired"},
                               {.code = 429, .reason = "TooManyRequests", .retry_after = seconds(3)},
                               {.code = 500, .reason = "InternalError"},
                               {.code = 503, .reason = "ServiceUnavailable"}};
    return Refuse(exchange, errors[world_.random() % std::size(errors)]);
  }
  if (QueryParameter(exchange.request.target, "watch")) return AnswerWatch(exchange);
  AnswerList(exchange);
}

void SimulatedTransport::Refuse(Exchange& exchange, const ApiError& error) {
  exchange.ends = true;
  exchange.pending = StatusBody(error);
  exchange.handler->OnHead({.status = error.code, .content_type = "application/vnd.kubernetes.protobuf"});
}

void SimulatedTransport::AnswerList(Exchange& exchange) {
  const std::string& target = exchange.request.target;
  const SimulatedCluster::Server& server = world_.cluster.servers[exchange.server];
  const auto token = QueryParameter(target, "continue");
  const auto version = QueryParameter(target, "resourceVersion");
  const bool is_probe = absl::StrContains(target, "/namespaces/");
  std::string listed = absl::StrCat(version ? server.revision : world_.cluster.revision());
  std::vector<Object> items;
  if (token) {
    const auto page = pages_.find(*token);
    if (page == pages_.end() || (world_.faulty && world_.Chance(10))) {
      return Refuse(exchange, {.code = 410, .reason = "Expired"});
    }
    std::tie(listed, items) = page->second;
  } else if (version && Number(*version) > server.revision) {
    return Refuse(exchange, {.code = 504, .retry_after = seconds(1), .version_too_large = true});
  } else if (!is_probe &&
             (world_.now >= world_.mistaken_until || !world_.agent_knows[static_cast<size_t>(exchange.kind)])) {
    const auto& objects =
        version ? server.cache[static_cast<size_t>(exchange.kind)] : world_.cluster.state(exchange.kind);
    for (const auto& [name, object] : objects) items.push_back(SmallObject(exchange.kind, object));
  }
  std::string next;
  if (!version && items.size() > 1 && world_.Chance(2) && QueryParameter(target, "limit")) {
    next = absl::StrCat("t", last_, ".", world_.random());
    const auto cut = items.begin() + 1 + world_.random() % (items.size() - 1);
    pages_ = {{next, {listed, std::vector<Object>(cut, items.end())}}};
    items.erase(cut, items.end());
  }
  exchange.pending = ListOf(exchange.kind, items, listed, next);
  if (world_.faulty && world_.Chance(40)) exchange.pending.resize(world_.random() % exchange.pending.size());
  exchange.ends = true;
  exchange.handler->OnHead({.status = 200});
}

void SimulatedTransport::AnswerWatch(Exchange& exchange) {
  exchange.position = Number(*QueryParameter(exchange.request.target, "resourceVersion"));
  const SimulatedCluster::Server& server = world_.cluster.servers[exchange.server];
  if (exchange.position < server.oldest) {
    if (world_.Chance(2)) return Refuse(exchange, {.code = 410, .reason = "Expired"});
    exchange.pending = ErrorFrame(410, "Expired", "too old");
    exchange.ends = true;
  }
  exchange.is_watch = true;
  exchange.bookmark_at = world_.now + seconds(world_.random() % 60);
  exchange.watch_end = world_.now + seconds(Number(*QueryParameter(exchange.request.target, "timeoutSeconds")));
  if (world_.faulty && world_.Chance(20)) exchange.watch_end = world_.now + milliseconds(world_.random() % 3000);
  exchange.handler->OnHead({.status = 200});
}

void SimulatedTransport::FillWatch(Exchange& exchange) {
  const SimulatedCluster::Server& server = world_.cluster.servers[exchange.server];
  const auto* change = world_.cluster.Next(exchange.kind, exchange.position, server.revision);
  for (int left = 1 + static_cast<int>(world_.random() % 8); change != nullptr && left > 0; --left) {
    const std::string frame = EventOf(*change);
    exchange.pending += frame;
    if (world_.faulty && world_.Chance(20)) exchange.pending += frame;
    exchange.position = change->revision;
    change = world_.cluster.Next(exchange.kind, exchange.position, server.revision);
  }
  if (world_.faulty && world_.Chance(200)) {
    // Repeats an event from long ago.
    const uint64_t back = exchange.position - std::min<uint64_t>(exchange.position, world_.random() % 50);
    if (const auto* old = world_.cluster.Next(exchange.kind, back, std::min(exchange.position, server.revision))) {
      exchange.pending += EventOf(*old);
    }
  }
  if (world_.now >= exchange.bookmark_at && change == nullptr) {
    exchange.bookmark_at = world_.now + seconds(60);
    exchange.pending += BookmarkFrame(exchange.kind, absl::StrCat(server.revision));
  }
  if (world_.faulty && world_.Chance(2000)) exchange.pending += std::string("\0\0\0\4oops", 8);
  if (world_.faulty && world_.Chance(2000)) {
    exchange.pending += world_.Chance(2) ? ErrorFrame(410, "Expired", "") : ErrorFrame(500, "InternalError", "");
    exchange.ends = true;
  }
  if (world_.now >= exchange.watch_end && exchange.pending.empty()) exchange.ends = true;
}

bool SimulatedTransport::SendPiece(Exchange& exchange) {
  // Mostly all bytes at once; sometimes in pieces, down to single bytes, and slowly.
  size_t size = exchange.pending.size();
  if (world_.faulty && world_.Chance(3)) {
    size = 1 + world_.random() % size;
    exchange.next_at = world_.now + milliseconds(world_.random() % 200);
  }
  exchange.handler->OnBody(absl::string_view(exchange.pending).substr(0, size));
  exchange.pending.erase(0, size);
  return true;
}

}  // namespace shunt::sources::kubernetes

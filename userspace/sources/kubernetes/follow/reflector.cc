// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/reflector.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::seconds;

constexpr absl::string_view kListType = "application/vnd.kubernetes.protobuf";
constexpr absl::string_view kWatchType = "application/vnd.kubernetes.protobuf;stream=watch";

int64_t WallMs(std::optional<SteadyTime> when, SteadyTime now, int64_t now_ms) {
  if (!when) return 0;
  return now_ms - std::chrono::duration_cast<std::chrono::milliseconds>(now - *when).count();
}

}  // namespace

Reflector::Reflector(ObjectKind kind, const std::string& node_name, const Remembered& remembered, uint64_t seed,
                     ApiServers& servers, Transport& transport)
    : kind_(kind),
      path_(kind, node_name),
      servers_(servers),
      transport_(transport),
      random_(seed),
      guard_(remembered.count),
      version_(remembered.version) {
  for (const KnownObject& object : remembered.delivered) replica_.Put(object);
  for (const UnusableObject& object : remembered.left_out) left_out_.Add(object);
  counts_.rejected_objects = left_out_.count();
  counts_.resource = std::string(ResourceName(kind));
}

Reflector::~Reflector() {
  Leave();
}

void Reflector::Advance(SteadyTime now) {
  NoteAnswer(now);
  switch (phase_) {
    case Phase::kIdle:
      break;
    case Phase::kList:
      AdvanceList(now);
      break;
    case Phase::kProbe:
      AdvanceProbe(now);
      break;
    case Phase::kWatch:
      AdvanceWatch(now);
      break;
  }
  if (phase_ == Phase::kIdle && now >= next_begin_) Begin(now);
}

SteadyTime Reflector::NextWake() const {
  if (phase_ == Phase::kIdle) return next_begin_;
  if (phase_ != Phase::kWatch) return cut_at_;
  SteadyTime wake = std::min(cut_at_, last_heard_ + kSilence);
  if (const auto confirm = guard_.confirm_at()) wake = std::min(wake, *confirm);
  if (watch_->http_status() == 200 && !counts_.last_error.empty()) wake = std::min(wake, begun_ + kTooShort);
  return wake;
}

std::vector<Event> Reflector::TakeEvents() {
  return std::exchange(events_, {});
}

// Beginning.

void Reflector::Begin(SteadyTime now) {
  const bool given_up = behind_since_ && now - *behind_since_ >= kBehind;
  if (given_up || ConfirmationDue(now)) {
    next_ = Next::kList;
    consistent_ = true;
  }
  // What a nameless object stands for is known only once it is legible, and what was kept because of it may be gone.
  const bool list_is_old = !listed_at_ || now - *listed_at_ >= kWatchShortest;
  if (left_out_.has_nameless() && list_is_old) next_ = Next::kList;
  if (next_ == Next::kList) return BeginList(now);
  if (knows_version_ != servers_.current().url) return BeginProbe(now);
  BeginWatch(now);
}

void Reflector::BeginList(SteadyTime now) {
  if (began_listing_) ++counts_.relists;
  began_listing_ = true;
  if (consistent_) last_consistent_list_ = now;
  list_ = {.consistent = consistent_, .begun = now};
  replica_.BeginList();
  if (consistent_) return BeginPage(path_.ConsistentList(paged_ ? kPage : 0), now);
  BeginPage(version_.empty() ? path_.AnyList() : path_.ListNotOlderThan(version_), now);
}

void Reflector::BeginPage(const std::string& target, SteadyTime now) {
  page_ = std::make_unique<ListExchange>(
      kind_, ListItems{.usable = [this](Object object) { NoteItem(std::move(object)); },
                       .unusable = [this](const UnusableObject& object) { NoteUnusable(object); }});
  Send(Phase::kList, {.target = target, .accept = std::string(kListType)}, *page_, kListTimeout, now);
}

void Reflector::BeginProbe(SteadyTime now) {
  const auto ignore = [](const auto&) {};
  page_ = std::make_unique<ListExchange>(kind_, ListItems{.usable = ignore, .unusable = ignore});
  Send(Phase::kProbe, {.target = path_.Probe(version_), .accept = std::string(kListType)}, *page_, kListTimeout, now);
}

void Reflector::BeginWatch(SteadyTime now) {
  ++counts_.watch_starts;
  const auto spread = static_cast<uint64_t>((kWatchLongest - kWatchShortest).count());
  const seconds timeout = kWatchShortest + seconds(random_() % spread);
  watch_ = std::make_unique<WatchExchange>(kind_);
  heard_ = false;
  last_heard_ = now;
  Send(Phase::kWatch, {.target = path_.Watch(version_, timeout), .accept = std::string(kWatchType)}, *watch_,
       timeout + kOverdue, now);
}

void Reflector::Send(Phase phase, HttpRequest request, Exchange& exchange, seconds timeout, SteadyTime now) {
  phase_ = phase;
  begun_ = now;
  cut_at_ = now + timeout;
  request.server = servers_.current();
  server_ = request.server.url;
  exchange_ = &exchange;
  answer_noted_ = false;
  // Takes effect only if Advance is not called at cut_at_.
  request.total_timeout = timeout + kOverdue;
  request_ = transport_.Start(std::move(request), exchange);
}

void Reflector::Leave() {
  if (phase_ == Phase::kIdle) return;
  transport_.Cancel(request_);  // no effect if it has ended
  phase_ = Phase::kIdle;
  exchange_ = nullptr;
  page_.reset();
  watch_.reset();
}

// What came.

void Reflector::NoteAnswer(SteadyTime now) {
  if (exchange_ == nullptr || answer_noted_) return;
  if (const int status = exchange_->http_status(); status != 0) {
    answer_noted_ = true;
    servers_.NoteAnswer(server_, status, now);
    if (status != 401) credentials_refreshed_ = false;
  } else if (exchange_->outcome()) {
    answer_noted_ = true;
    servers_.NoteNoAnswer(server_, now);
  }
}

void Reflector::NoteItem(Object object) {
  ++list_.listed;
  if (replica_.IsNews(Identify(object))) list_.news.push_back(std::move(object));
}

void Reflector::NoteUnusable(const UnusableObject& object) {
  ++list_.listed;
  list_.left_out.Add(object);
  if (replica_.MayHold(object.name, object.uid)) replica_.NoteListed(object.name);
}

void Reflector::AdvanceList(SteadyTime now) {
  if (!page_->outcome()) {
    if (now >= cut_at_) Stall(now);
    return;
  }
  if (page_->outcome()->kind != Outcome::Kind::kComplete) return Conclude(now);
  if (list_.version.empty()) list_.version = page_->version();
  const std::string token = page_->continue_token();
  Leave();
  if (!token.empty()) {
    list_.has_pages = true;
    return BeginPage(path_.NextPage(kPage, token), now);
  }
  if (!list_.consistent && IsOlder(list_.version, version_)) {
    return OnBehind(
        absl::StrCat("the list has version ", list_.version, ", older than the ", version_, " that was seen before"),
        std::nullopt, now);
  }
  CommitList(now);
}

void Reflector::AdvanceProbe(SteadyTime now) {
  if (!page_->outcome()) {
    if (now >= cut_at_) Stall(now);
    return;
  }
  if (page_->outcome()->kind != Outcome::Kind::kComplete) return Conclude(now);
  const std::string version = page_->version();
  Leave();
  if (IsOlder(version, version_)) {
    return OnBehind(absl::StrCat("its version is ", version, ", older than the ", version_, " that was seen before"),
                    std::nullopt, now);
  }
  behind_since_.reset();
  knows_version_ = server_;
  Proceed(Next::kWatch, now);
}

void Reflector::CommitList(SteadyTime now) {
  const size_t known = replica_.size();
  const std::vector<model::ObjectName> missing = replica_.Missing();
  for (Object& object : list_.news) {
    if (!replica_.Put(Identify(object))) continue;
    ++counts_.events;
    events_.push_back(Upsert{std::move(object)});
  }
  left_out_ = std::move(list_.left_out);
  counts_.rejected_objects += left_out_.count();
  // The list of Nodes is one Node, or none when it is deleted.
  if (kind_ == ObjectKind::kNode || guard_.Accept({.known = known,
                                                   .kept = known - missing.size(),
                                                   .listed = list_.listed,
                                                   .consistent = list_.consistent,
                                                   .begun = list_.begun})) {
    // Each of the missing ones may be the one whose name is illegible.
    if (!left_out_.has_nameless()) {
      for (const model::ObjectName& name : missing) Remove(name);
    }
    synced_ = true;
  }
  listed_at_ = now;
  version_ = std::exchange(list_.version, "");
  list_ = {};
  consistent_ = false;
  paged_ = true;
  behind_since_.reset();
  knows_version_ = server_;
  last_event_ = current_as_of_ = now;
  counts_.last_error.clear();
  Proceed(Next::kWatch, now);
}

void Reflector::Remove(const model::ObjectName& name) {
  if (!replica_.Erase(name)) return;
  ++counts_.events;
  events_.push_back(sources::Remove{kind_, name});
}

void Reflector::AdvanceWatch(SteadyTime now) {
  for (WatchEvent& event : watch_->TakeEvents()) Apply(std::move(event), now);
  const bool works = watch_->http_status() == 200 && (heard_ || now - begun_ >= kTooShort);
  if (works) counts_.last_error.clear();
  if (watch_->outcome()) return EndWatch(now);
  if (ConfirmationDue(now)) {
    Leave();
    return Proceed(Next::kList, now);  // Begin makes it a consistent one
  }
  if (now < cut_at_ && now - last_heard_ < kSilence) return;
  ++counts_.stalls;
  if (now - last_heard_ >= kSilence) knows_version_.clear();
  Leave();
  Proceed(Next::kWatch, now);
}

void Reflector::Apply(WatchEvent event, SteadyTime now) {
  // A watch from version_ never sends this; a confused proxy or a restored server may. Applying it would undo something
  // newer, and it does not show that the server knows version_.
  if (IsOlder(event.version, version_)) return;
  last_heard_ = now;
  if (event.version.empty()) return ApplyUnusable(event.type, *event.unusable);
  heard_ = true;
  last_event_ = current_as_of_ = now;
  knows_version_ = server_;
  const bool is_bookmark = event.type == WatchEventType::kBookmark;
  if (is_bookmark) ++counts_.bookmarks;
  if (event.version == version_) return;
  version_ = event.version;
  if (is_bookmark) return;
  if (event.unusable) return ApplyUnusable(event.type, *event.unusable);
  const KnownObject known = Identify(*event.object);
  left_out_.Erase(known.name);
  if (event.type == WatchEventType::kDeleted) return Remove(known.name);
  if (!replica_.Put(known)) return;
  ++counts_.events;
  events_.push_back(Upsert{*std::move(event.object)});
}

// Its name is enough to remove an object. In all other cases its last good state stays.
void Reflector::ApplyUnusable(WatchEventType type, const UnusableObject& object) {
  const bool deleted = type == WatchEventType::kDeleted && !object.name.name.empty();
  if (deleted || !replica_.MayHold(object.name, object.uid)) Remove(object.name);
  if (deleted) return left_out_.Erase(object.name);
  ++counts_.rejected_objects;
  left_out_.Add(object);
}

void Reflector::EndWatch(SteadyTime now) {
  const Outcome& outcome = *watch_->outcome();
  const auto lived = now - begun_;
  const bool broke =
      outcome.kind == Outcome::Kind::kBroken && absl::IsUnavailable(outcome.status) && watch_->http_status() == 200;
  if (outcome.kind != Outcome::Kind::kComplete && !broke) return Conclude(now);
  const std::string why =
      broke ? std::string(outcome.status.message()) : absl::StrCat(server_, ": the watch ended as soon as it began");
  Leave();
  next_ = Next::kWatch;
  // The next server with this name may be another one behind a load balancer, or one whose state was restored.
  if (broke) {
    knows_version_.clear();
    servers_.NoteBreak(server_, now);
  }
  if (broke && lived < kLongEnough) return Fail(why, std::nullopt, now);
  if (broke) ++counts_.errors;
  if (!heard_ && lived < kTooShort) return Fail(why, std::nullopt, now);
  // Current servers send a bookmark once a minute; a silent one may not know version_.
  if (!heard_) knows_version_.clear();
  Proceed(Next::kWatch, broke ? now + Spread() : std::max(now, begun_ + kTooShort));
}

// What follows.

void Reflector::Proceed(Next next, SteadyTime at) {
  next_ = next;
  next_begin_ = at;
}

bool Reflector::ConfirmationDue(SteadyTime now) const {
  const auto confirm = guard_.confirm_at();
  return confirm && now >= *confirm;
}

void Reflector::Conclude(SteadyTime now) {
  const Outcome outcome = *exchange_->outcome();
  const bool is_event = phase_ == Phase::kWatch && exchange_->http_status() == 200;
  const bool silent = exchange_->http_status() == 0 || absl::IsDeadlineExceeded(outcome.status);
  Leave();
  switch (outcome.kind) {
    case Outcome::Kind::kComplete:
      return;
    case Outcome::Kind::kRefused:
      return OnRefused(outcome.error, is_event, now);
    case Outcome::Kind::kMalformed:
      // What was missed is unknown, so everything is compared.
      next_ = Next::kList;
      return Fail(absl::StrCat(server_, ": ", std::string(outcome.status.message())), std::nullopt, now);
    case Outcome::Kind::kBroken:
      break;
  }
  const std::string why(outcome.status.message());
  if (absl::IsUnauthenticated(outcome.status) && RefreshCredentials(now)) return;
  if (silent) {
    if (absl::IsDeadlineExceeded(outcome.status)) ++counts_.stalls;
    servers_.NoteSilence(server_, now);
    knows_version_.clear();
  }
  FailOver(why, std::nullopt, now);
}

void Reflector::OnRefused(const ApiError& error, bool is_event, SteadyTime now) {
  const std::string why = absl::StrCat(server_, ": ", error.code, " ", error.reason, ": ", error.message);
  if (error.code == 410) return OnExpired(why, now);
  if (error.version_too_large) return OnBehind(why, error.retry_after, now);
  if (error.code == 401) {
    if (!RefreshCredentials(now)) Fail(why, error.retry_after, now);
    return;
  }
  if (error.code == 403) return OnForbidden(why, error.retry_after, now);
  // An error event says that this watch cannot go on; an error status says only that it did not begin.
  if (is_event || (error.code < 500 && error.code != 429)) next_ = Next::kList;
  if (error.code >= 500) return FailOver(why, error.retry_after, now);
  Fail(why, error.retry_after, now);
}

void Reflector::OnForbidden(const std::string& why, std::optional<seconds> retry_after, SteadyTime now) {
  // An API server answers before its authorizer has read the roles.
  if (servers_.IsComingBack(server_, now)) {
    return FailFor(forbidden_delay_.Next(now, random_),
                   absl::StrCat(why, "; the server was away a moment ago, so it is asked again soon"), retry_after,
                   now);
  }
  Fail(absl::StrCat("forbidden; the agent needs a ClusterRole with a rule for apiGroups [\"", ApiGroup(kind_),
                    "\"], resources [\"", ResourceName(kind_), "\"], verbs [\"list\", \"watch\"], bound to ",
                    "its service account or user: ", why),
       retry_after, now);
}

void Reflector::OnExpired(const std::string& why, SteadyTime now) {
  // The pages of one list show one state, which has expired: ask for all of it in one answer.
  const bool in_pages = std::exchange(list_.has_pages, false);
  if (in_pages) paged_ = false;
  const bool again = last_consistent_list_ && now - *last_consistent_list_ < kRelistPause;
  next_ = Next::kList;
  consistent_ = true;
  // If versions expire faster than they can be watched, the server must not be listed without a pause.
  if (again && !in_pages) return Fail(why, std::nullopt, now);
  ++counts_.errors;
  Proceed(Next::kList, now);
}

void Reflector::OnBehind(const std::string& why, std::optional<seconds> retry_after, SteadyTime now) {
  if (!behind_since_) behind_since_ = now;
  knows_version_.clear();
  FailOver(why, retry_after, now);
}

bool Reflector::RefreshCredentials(SteadyTime now) {
  transport_.RefreshCredentials();
  if (std::exchange(credentials_refreshed_, true)) return false;
  Proceed(next_, now);
  return true;
}

void Reflector::Stall(SteadyTime now) {
  ++counts_.stalls;
  servers_.NoteSilence(server_, now);
  knows_version_.clear();
  Leave();
  FailOver(absl::StrCat(server_, ": no complete answer in ", kListTimeout.count(), " s"), std::nullopt, now);
}

void Reflector::FailOver(const std::string& why, std::optional<seconds> retry_after, SteadyTime now) {
  const bool try_another = servers_.Avoid(server_, now);
  Fail(why, retry_after, now);
  // All nodes leave a server that ends at the same moment.
  if (try_another) next_begin_ = synced_ ? now + Spread() : now;
}

void Reflector::Fail(const std::string& why, std::optional<seconds> retry_after, SteadyTime now) {
  FailFor(delay_.Next(now, random_), why, retry_after, now);
}

std::chrono::milliseconds Reflector::Spread() {
  return std::chrono::milliseconds(random_() % static_cast<uint64_t>(kSpread.count()));
}

void Reflector::FailFor(std::chrono::milliseconds delay, const std::string& why, std::optional<seconds> retry_after,
                        SteadyTime now) {
  ++counts_.errors;
  counts_.last_error = why;
  next_begin_ = now + delay;
  if (retry_after) next_begin_ = std::max(next_begin_, now + std::min(*retry_after, kRetryAfterMax));
}

// What is shown.

std::vector<SourceProblem> Reflector::problems() const {
  std::vector<SourceProblem> problems;
  const std::string where(ResourceName(kind_));
  if (guard_.confirm_at()) {
    problems.push_back(
        {where, absl::StrCat("a list lacks ", guard_.missing(), " objects that are known; they stay in force until a ",
                             "second list confirms it, ", ShrinkGuard::kConfirmAfter.count(), " s later. If they were ",
                             "not deleted: is ", servers_.current().url, " the right cluster?")});
  }
  for (LeftOut::Description& object : left_out_.Descriptions()) {
    problems.push_back({where, std::move(object.what)});
    const bool is_service = kind_ == ObjectKind::kService && !object.name.name.empty();
    if (is_service) problems.back().refused_service = std::move(object.name);
  }
  if (!counts_.last_error.empty()) problems.push_back({where, counts_.last_error});
  return problems;
}

report::ReflectorStatus Reflector::status(SteadyTime now, int64_t now_ms) const {
  report::ReflectorStatus status = counts_;
  status.objects = replica_.size();
  status.objects_left_out = left_out_.count();
  status.last_event_time_ms = WallMs(last_event_, now, now_ms);
  status.current_as_of_ms = WallMs(current_as_of_, now, now_ms);
  if (synced_) status.resource_version = version_;
  status.synced = synced_;
  status.list_held_back = guard_.confirm_at().has_value();
  status.removals_held_back = guard_.missing();
  return status;
}

}  // namespace shunt::sources::kubernetes

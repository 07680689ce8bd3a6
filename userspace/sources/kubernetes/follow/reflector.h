// SPDX-License-Identifier: Apache-2.0
// Follows one resource of the API server by list and watch, as client-go's reflector does, with what a node agent needs
// beyond that: it never goes back to an older version than it has seen (kubernetes/kubernetes#59848), not even across
// its own restart; it doubts a list that would remove nearly everything; it fails over when a server is silent, fails
// or lags. The rules and their reasons: docs/kubernetes.md.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_REFLECTOR_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_REFLECTOR_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "userspace/report/reflector_status.h"
#include "userspace/sources/kubernetes/client/transport.h"
#include "userspace/sources/kubernetes/follow/api_servers.h"
#include "userspace/sources/kubernetes/follow/exchange.h"
#include "userspace/sources/kubernetes/follow/left_out.h"
#include "userspace/sources/kubernetes/follow/replica.h"
#include "userspace/sources/kubernetes/follow/resource_path.h"
#include "userspace/sources/kubernetes/follow/retry_delay.h"
#include "userspace/sources/kubernetes/follow/shrink_guard.h"
#include "userspace/sources/source.h"

namespace shunt::sources::kubernetes {

// What is known of one resource from before this process started.
struct Remembered {
  std::string version;  // from Sink::Progress; empty: not known
  size_t count = 0;     // likewise
  // Objects that the consumer has already (from a snapshot): the first list is compared with them.
  std::vector<KnownObject> delivered;
  // Objects of the same snapshot that could not be used.
  std::vector<UnusableObject> left_out;
};

// Pure: no clock, no thread. Not thread-safe.
class Reflector {
 public:
  static constexpr int kPage = 500;  // objects a page of a consistent list
  static constexpr std::chrono::seconds kWatchShortest{300};
  static constexpr std::chrono::seconds kWatchLongest{600};
  static constexpr std::chrono::seconds kOverdue{30};     // after its own timeout, until a watch is cut
  static constexpr std::chrono::seconds kSilence{300};    // without event or bookmark
  static constexpr std::chrono::seconds kTooShort{1};     // a watch that ends earlier and brings nothing has failed
  static constexpr std::chrono::seconds kLongEnough{10};  // a watch that lasted this long may be restarted at once
  static constexpr std::chrono::seconds kListTimeout{120};
  static constexpr std::chrono::seconds kBehind{60};  // how long all servers must lag until older state is accepted
  static constexpr std::chrono::seconds kRelistPause{10};  // between two lists if the first one's version has expired
  static constexpr std::chrono::seconds kRetryAfterMax{120};  // the longest delay that a server may ask for
  // Over this time the nodes of a cluster spread what follows from a break that they all see at the same moment.
  static constexpr std::chrono::milliseconds kSpread{3000};
  // After the first delays, how long to wait if a server that was away forbids what it may allow in a moment.
  static constexpr std::chrono::milliseconds kForbiddenPause{2000};

  // `node_name` is used for kNode. `servers` and `transport` must outlive the reflector.
  Reflector(ObjectKind kind, const std::string& node_name, const Remembered& remembered, uint64_t seed,
            ApiServers& servers, Transport& transport);
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  // Evaluates what the transport has received and the time, and begins the request that is due.
  void Advance(SteadyTime now);
  // Returns the time before which Advance has nothing to do unless the transport calls a handler.
  SteadyTime NextWake() const;

  // Returns the changes since the last call, in order. All changes of one list come together.
  std::vector<Event> TakeEvents();

  ObjectKind kind() const { return kind_; }
  // Returns whether a complete list has been delivered and, if necessary, confirmed.
  bool synced() const { return synced_; }
  // Returns whether everything up to version() has been delivered: synced, and no list is held back.
  bool current() const { return synced_ && !guard_.confirm_at(); }
  const std::string& version() const { return version_; }
  size_t object_count() const { return replica_.size(); }

  std::vector<SourceProblem> problems() const;
  // `now_ms` is the same moment as `now`, in milliseconds since 1970.
  report::ReflectorStatus status(SteadyTime now, int64_t now_ms) const;

 private:
  enum class Phase { kIdle, kList, kProbe, kWatch };
  enum class Next { kList, kWatch };

  // Each of these begins a request.
  void Begin(SteadyTime now);
  void BeginList(SteadyTime now);
  void BeginPage(const std::string& target, SteadyTime now);
  void BeginProbe(SteadyTime now);
  void BeginWatch(SteadyTime now);
  void Send(Phase phase, HttpRequest request, Exchange& exchange, std::chrono::seconds timeout, SteadyTime now);
  // Cancels the request in flight.
  void Leave();

  // Each of these evaluates a request's result.
  void NoteAnswer(SteadyTime now);
  void NoteItem(Object object);
  void NoteUnusable(const UnusableObject& object);
  void AdvanceList(SteadyTime now);
  void AdvanceProbe(SteadyTime now);
  void AdvanceWatch(SteadyTime now);
  void CommitList(SteadyTime now);
  void Apply(WatchEvent event, SteadyTime now);
  void ApplyUnusable(WatchEventType type, const UnusableObject& object);
  void Remove(const model::ObjectName& name);
  void EndWatch(SteadyTime now);

  // Each of these sets which request is begun next, and when.
  void Proceed(Next next, SteadyTime at);
  void Conclude(SteadyTime now);  // the exchange has failed
  void OnRefused(const ApiError& error, bool is_event, SteadyTime now);
  void OnForbidden(const std::string& why, std::optional<std::chrono::seconds> retry_after, SteadyTime now);
  void OnExpired(const std::string& why, SteadyTime now);
  void OnBehind(const std::string& why, std::optional<std::chrono::seconds> retry_after, SteadyTime now);
  bool RefreshCredentials(SteadyTime now);  // returns false, and sets nothing, if that was tried before
  void Stall(SteadyTime now);
  void FailOver(const std::string& why, std::optional<std::chrono::seconds> retry_after, SteadyTime now);
  void Fail(const std::string& why, std::optional<std::chrono::seconds> retry_after, SteadyTime now);
  void FailFor(std::chrono::milliseconds delay, const std::string& why, std::optional<std::chrono::seconds> retry_after,
               SteadyTime now);
  std::chrono::milliseconds Spread();  // a random part of kSpread
  bool ConfirmationDue(SteadyTime now) const;

  const ObjectKind kind_;
  const ResourcePath path_;
  ApiServers& servers_;
  Transport& transport_;
  std::mt19937_64 random_;
  RetryDelay delay_;
  RetryDelay forbidden_delay_{kForbiddenPause};

  // What is known.
  Replica replica_;
  LeftOut left_out_;
  ShrinkGuard guard_;
  std::vector<Event> events_;
  std::string version_;  // only a consistent list may be older; empty: nothing is known
  bool synced_ = false;

  // What is begun next.
  Next next_ = Next::kList;
  SteadyTime next_begin_ = SteadyTime::min();
  bool consistent_ = false;  // the next list asks for the newest state
  bool paged_ = true;        // consistent lists come in pages
  // The URL of the server that has shown that it knows version_ and has not been silent since. Any other server is
  // probed first: a watch from a version that a server does not know (it lags, or its etcd was restored) stays silent
  // without end.
  std::string knows_version_;
  std::optional<SteadyTime> behind_since_;  // since then no server that answered has known version_
  bool credentials_refreshed_ = false;      // since the last answer that was not 401
  bool began_listing_ = false;
  std::optional<SteadyTime> last_consistent_list_;  // when it was begun
  std::optional<SteadyTime> listed_at_;             // when the last list was complete

  // The request in flight.
  Phase phase_ = Phase::kIdle;
  std::unique_ptr<ListExchange> page_;    // kList, kProbe
  std::unique_ptr<WatchExchange> watch_;  // kWatch
  Exchange* exchange_ = nullptr;          // one of the two; null: kIdle
  Transport::RequestId request_ = 0;
  std::string server_;  // URL that was asked, also when it has ended
  bool answer_noted_ = false;
  SteadyTime begun_;
  SteadyTime cut_at_;  // overdue

  // The list in flight, all its pages.
  struct List {
    bool consistent = false;
    SteadyTime begun;
    bool has_pages = false;  // the first one is complete, and not all
    std::string version;     // of the first page; the others show the same state
    std::vector<Object> news;
    LeftOut left_out;
    size_t listed = 0;
  };
  List list_;

  // The watch in flight.
  bool heard_ = false;  // an event or a bookmark that is not older than version_
  SteadyTime last_heard_;

  report::ReflectorStatus counts_;  // counts and last_error; status() adds the rest
  std::optional<SteadyTime> last_event_;
  std::optional<SteadyTime> current_as_of_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_REFLECTOR_H_

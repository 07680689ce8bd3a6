// SPDX-License-Identifier: Apache-2.0
// The sockets on which a server listens: a set that changes while it serves. An address that another process holds
// (kube-proxy, while it is being replaced) is reported as a problem and tried again.
#ifndef SHUNT_ADMIN_HTTP_LISTENER_SET_H_
#define SHUNT_ADMIN_HTTP_LISTENER_SET_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/admin/http/conversation.h"
#include "userspace/model/service_plan.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::admin::http {

struct Listener {
  std::string name;  // unique for its owner; used in problems: "healthz", "Service default/web"
  // Port 0 means any free port. An unspecified address of either family means every address of both, as in kube-proxy.
  model::SocketAddress at;
  bool one_family = false;  // an unspecified address means every address of its own family only
  bool any_method = false;  // otherwise GET and HEAD, and 405 for the rest
  Handler handler;          // in the server's thread
};

struct ListenProblem {
  std::string name;  // of the Listener
  std::string what;

  friend bool operator==(const ListenProblem&, const ListenProblem&) = default;
};

// Thread-safe. No lock is held while a handler runs.
class ListenerSet {
 public:
  // epoll reports a readable listener by its id. Ids have this bit and are never reused.
  static constexpr uint64_t kIdBit = uint64_t{1} << 63;

  // Adds and removes its sockets in `epoll_fd`, which must outlive it.
  explicit ListenerSet(int epoll_fd) : epoll_fd_(epoll_fd) {}

  // Replaces the owner's listeners by these. A listener that keeps its address stays open, with the new handler; those
  // that go are closed before any is opened. An old handler may still be running when this returns.
  void Replace(absl::string_view owner, std::vector<Listener> listeners);
  // Tries again to open the listeners that could not be opened.
  void Retry();

  // Accepts the next connection that waits at the listener; it is non-blocking. If the result is not ok(), errno says
  // why; EAGAIN if none waits or the listener is gone.
  posix::FileDescriptor Accept(uint64_t id);
  // Returns null if the listener is gone; its connections get no more answers.
  std::shared_ptr<const Listener> Find(uint64_t id) const;

  // The problems of the listeners that are not open, in the order of their owners and names.
  std::vector<ListenProblem> Problems() const;
  // Returns nullopt if the listener is not open.
  std::optional<uint16_t> PortOf(absl::string_view owner, absl::string_view name) const;

 private:
  struct Key {
    std::string owner;
    std::string name;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Entry {
    std::shared_ptr<const Listener> listener;
    posix::FileDescriptor socket;
    uint64_t id = 0;      // once it is open
    absl::Status status;  // why it is not
  };

  void Open(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int epoll_fd_;
  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Key> by_id_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = kIdBit;
};

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_LISTENER_SET_H_

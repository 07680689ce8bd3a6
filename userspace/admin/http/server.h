// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server for probes and scrapes: one thread, epoll, GET and HEAD. Untrusted clients reach it, because
// load balancers probe the health port from outside. So everything that they can make it hold is bounded: a head by
// kHeadBytesMax, a connection by deadlines that single bytes do not extend, the number of connections by
// connections_max. When that is reached, the connection that has waited longest is closed, so that idle connections
// cannot keep probes out.
#ifndef SHUNT_ADMIN_HTTP_SERVER_H_
#define SHUNT_ADMIN_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/admin/http/conversation.h"
#include "userspace/admin/http/listener_set.h"
#include "userspace/posix/event_fd.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::admin::http {

struct ServerOptions {
  // From accept, or from the end of the previous answer, to the end of a request's head.
  std::chrono::milliseconds request_timeout{10'000};
  // From the end of the head until the client has received the answer.
  std::chrono::milliseconds answer_timeout{10'000};
  // How long the client may still send after the last answer. A connection that is closed at once, with unread input,
  // may lose the answer.
  std::chrono::milliseconds linger_timeout{1'000};
  size_t connections_max = 128;
  std::chrono::milliseconds retry_interval{1'000};  // between attempts to open a listener
};

class Server {
 public:
  // Starts a server that does not listen until listeners() are set. Returns an error if no file descriptors are
  // left.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);
  ~Server() { Stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Stops the thread and closes all connections; no handler runs after it. Called in the owner's thread.
  void Stop();

  ListenerSet& listeners() { return listeners_; }

 private:
  using Clock = std::chrono::steady_clock;

  struct Connection {
    posix::FileDescriptor socket;
    uint64_t listener = 0;
    Conversation conversation;
    Clock::time_point deadline;
    uint32_t interest = 0;     // epoll events asked for
    bool input_ended = false;  // the client will send no more
    bool lingering = false;    // the last answer is sent; further input is discarded
    bool Waits() const { return lingering || conversation.Unsent().empty(); }
  };
  using Connections = std::map<uint64_t, Connection>;  // by id, which is the order of their arrival

  Server(const ServerOptions& options, posix::FileDescriptor epoll, posix::EventFd stop);

  void Run();
  int MillisecondsToWait() const;
  void AcceptAll(uint64_t listener);
  void MakeRoom();
  // Returns false if the connection is over.
  bool Serve(Connection& connection, uint32_t events);
  bool Read(Connection& connection);
  bool Answer(Connection& connection);
  bool Write(Connection& connection);
  void Watch(uint64_t id, Connection& connection, int operation);
  void DropLate();

  const ServerOptions options_;
  const posix::FileDescriptor epoll_;
  const posix::EventFd stop_;  // signalled when the thread should end
  ListenerSet listeners_;
  Connections connections_;
  uint64_t next_id_ = 0;  // 0 is stop_
  Clock::time_point retry_at_;
  std::jthread thread_;
};

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_SERVER_H_

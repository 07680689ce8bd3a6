// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/dialler.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tests/kernel/dials.h"
#include "tests/sandbox/client_socket.h"

namespace shunt::kernel_test {

Dialler::Dialler(const History& history, const sandbox::NetworkNamespace& from) : history_(history), from_(from) {
  threads_.emplace_back([this] { Run(SOCK_DGRAM, 53); });
  threads_.emplace_back([this] { Run(SOCK_STREAM, 80); });
}

void Dialler::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Dialler::Run(int type, uint16_t port) {
  const sandbox::InNamespace inside(from_);
  std::array<uint32_t, History::kFrontends> seen = {};
  for (int turn = 0; !stop_; ++turn) {
    const int frontend = turn % History::kFrontends;
    const model::SocketAddress to = sandbox::At(absl::StrCat(History::ClusterIp(frontend), ":", port));
    seen[frontend] = std::max(seen[frontend], history_.oldest(frontend));
    model::IpAddress reached;
    model::SocketAddress peer;
    const int error = ConnectOnce(to, type, reached, &peer);
    const uint32_t latest = history_.latest(frontend);
    ++connects_;
    if (error == ENOTCONN && type == SOCK_DGRAM && latest > seen[frontend]) {
      continue;  // ended by the agent before its name was asked for, because the set that it had met was gone
    } else if (error != 0) {
      Complain(frontend, std::strerror(error));
    } else if (peer != to) {
      Complain(frontend, absl::StrCat("its peer's name is ", peer.address.ToStringWithPort(peer.port)));
    } else if (history_.Judge(frontend, seen[frontend], latest, reached) != History::Verdict::kRight) {
      Complain(frontend, absl::StrCat("reached ", reached.ToString(), ", sets ", seen[frontend], " to ", latest));
    } else {
      seen[frontend] = History::SetOf(reached);
      uint32_t newest = newest_seen_[frontend];
      while (newest < seen[frontend] && !newest_seen_[frontend].compare_exchange_weak(newest, seen[frontend])) {
      }
    }
  }
}

void Dialler::Complain(int frontend, const std::string& what) {
  ++failures_;
  while (complaining_.test_and_set()) std::this_thread::yield();
  if (complaints_.size() < 10) complaints_.push_back(absl::StrCat("frontend ", frontend, ": ", what));
  complaining_.clear();
}

}  // namespace shunt::kernel_test

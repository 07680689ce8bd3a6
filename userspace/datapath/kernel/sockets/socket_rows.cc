// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/sockets/socket_rows.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

// One row of a memory-mapped array. Only its page is mapped, because mapped memory counts as resident.
class MappedRow {
 public:
  static absl::StatusOr<MappedRow> Map(const MapSet& maps, const std::string& map, size_t offset) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void* memory =
        mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, maps.Fd(map), static_cast<off_t>(offset / page * page));
    if (memory == MAP_FAILED) return KernelError(errno, absl::StrCat("map ", map, ": mmap a page"));
    return MappedRow(memory, page, offset % page);
  }
  MappedRow(MappedRow&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), page_(other.page_), offset_(other.offset_) {}
  MappedRow& operator=(MappedRow&&) = delete;
  ~MappedRow() {
    if (memory_ != nullptr) munmap(memory_, page_);
  }

  template <typename Row>
  Row& as() const {
    return *reinterpret_cast<Row*>(static_cast<char*>(memory_) + offset_);
  }

 private:
  MappedRow(void* memory, size_t page, size_t offset) : memory_(memory), page_(page), offset_(offset) {}

  void* memory_;
  size_t page_;
  size_t offset_;
};

const char* StateMap(SocketRows rows) {
  return rows == SocketRows::kCurrent ? "socket_state" : "previous_state";
}

uint32_t RowOf(const MapSet& maps, SocketRows rows, uint64_t cookie) {
  return static_cast<uint32_t>(cookie) & (maps.Capacity(StateMap(rows)) - 1);
}

absl::StatusOr<MappedRow> StateRow(const MapSet& maps, SocketRows rows, uint32_t row) {
  return MappedRow::Map(maps, StateMap(rows), row * sizeof(shunt_socket_state));
}

// The word that holds the row's bit.
absl::StatusOr<MappedRow> TakenWord(const MapSet& maps, SocketRows rows, uint32_t row) {
  const char* const map = rows == SocketRows::kCurrent ? "socket_taken" : "previous_taken";
  return MappedRow::Map(maps, map, row / 64 * sizeof(uint64_t));
}

uint64_t TakenBit(uint32_t row) {
  return uint64_t{1} << row % 64;
}

absl::StatusOr<uint64_t> CookieOf(int socket_fd) {
  uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  if (getsockopt(socket_fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0) {
    return KernelError(errno, "read a socket's cookie");
  }
  return cookie;
}

}  // namespace

absl::StatusOr<bool> ClaimSocketRow(const MapSet& maps, SocketRows rows, uint64_t cookie, uint32_t flags) {
  const uint32_t row = RowOf(maps, rows, cookie);
  const absl::StatusOr<MappedRow> taken = TakenWord(maps, rows, row);
  if (!taken.ok()) return taken.status();
  const absl::StatusOr<MappedRow> mapped = StateRow(maps, rows, row);
  if (!mapped.ok()) return mapped.status();
  auto& state = mapped->as<shunt_socket_state>();
  const bool was_free =
      (__atomic_fetch_or(&taken->as<uint64_t>(), TakenBit(row), __ATOMIC_SEQ_CST) & TakenBit(row)) == 0;
  if (!was_free) {
    if (__atomic_load_n(&state.cookie, __ATOMIC_ACQUIRE) != cookie) return false;
    __atomic_fetch_or(&state.first.flags, flags, __ATOMIC_SEQ_CST);
    return true;
  }
  __atomic_store_n(&state.first.flags, flags, __ATOMIC_RELAXED);
  __atomic_store_n(&state.cookie, cookie, __ATOMIC_RELEASE);
  return true;
}

absl::StatusOr<bool> SocketRowsAreReleased(const MapSet& maps, SocketRows rows) {
  // The row of the first socket may be another's, so try several.
  for (int attempts = 0; attempts < 8; ++attempts) {
    posix::FileDescriptor trial(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!trial.ok()) return KernelError(errno, "make a trial socket");
    const absl::StatusOr<uint64_t> cookie = CookieOf(trial.get());
    if (!cookie.ok()) return cookie.status();
    const absl::StatusOr<bool> claimed = ClaimSocketRow(maps, rows, *cookie, 0);
    if (!claimed.ok()) return claimed.status();
    if (!*claimed) continue;
    trial = posix::FileDescriptor();
    const uint32_t row = RowOf(maps, rows, *cookie);
    const absl::StatusOr<MappedRow> taken = TakenWord(maps, rows, row);
    const absl::StatusOr<MappedRow> state = StateRow(maps, rows, row);
    if (!taken.ok()) return taken.status();
    if (!state.ok()) return state.status();
    // Another socket may have the row by now.
    if (__atomic_load_n(&state->as<shunt_socket_state>().cookie, __ATOMIC_ACQUIRE) != *cookie) return true;
    __atomic_store_n(&state->as<shunt_socket_state>().cookie, 0, __ATOMIC_RELEASE);
    __atomic_fetch_and(&taken->as<uint64_t>(), ~TakenBit(row), __ATOMIC_SEQ_CST);
    return false;
  }
  return false;
}

}  // namespace shunt::datapath

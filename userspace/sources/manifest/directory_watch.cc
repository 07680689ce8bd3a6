// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/directory_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::sources {
namespace {

constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF |
                             IN_MOVE_SELF | IN_ONLYDIR;
// What the kubelet renames to replace all files of a mounted ConfigMap at once.
constexpr char kConfigMapData[] = "..data";

}  // namespace

DirectoryWatch::DirectoryWatch(int fd, std::string directory) : fd_(fd), directory_(std::move(directory)) {}

DirectoryWatch::DirectoryWatch(DirectoryWatch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), directory_(std::move(other.directory_)) {}

DirectoryWatch::~DirectoryWatch() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<DirectoryWatch> DirectoryWatch::Open(const std::string& directory) {
  const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) {
    return absl::ResourceExhaustedError(absl::StrCat("inotify: ", strerror(errno),
                                                     ": raise fs.inotify.max_user_instances"));
  }
  DirectoryWatch watch(fd, directory);
  if (inotify_add_watch(fd, directory.c_str(), kEvents) >= 0) return watch;
  const std::string message = absl::StrCat("watch ", directory, ": ", strerror(errno));
  return errno == ENOENT || errno == ENOTDIR ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

void DirectoryWatch::Take(DirectoryChanges* changes) {
  alignas(inotify_event) char buffer[16 * 1024];
  for (;;) {
    const ssize_t length = read(fd_, buffer, sizeof(buffer));
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return;
    for (ssize_t at = 0; at < length;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if (event->mask & IN_Q_OVERFLOW) changes->all = true;
      if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) changes->directory_gone = true;
      if (event->len == 0) continue;
      const std::string name = event->name;
      if (name == kConfigMapData) changes->all = true;
      if (event->mask & IN_CREATE) {
        // A regular file will be closed by who writes it; a link never will be.
        struct stat status = {};
        const std::string path = absl::StrCat(directory_, "/", name);
        if (lstat(path.c_str(), &status) != 0 || (S_ISREG(status.st_mode) && status.st_nlink < 2)) continue;
      }
      changes->names.insert(name);
    }
  }
}

}  // namespace shunt::sources

// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/directory_watch.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/sources/manifest/manifest.h"

namespace shunt::sources {
namespace {

constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
// The kubelet renames this link to replace all files of a mounted ConfigMap at once.
constexpr char kConfigMapData[] = "..data";

}  // namespace

DirectoryWatch::DirectoryWatch(posix::FileDescriptor fd, const Directory* directory)
    : fd_(std::move(fd)), directory_(directory) {}

absl::StatusOr<DirectoryWatch> DirectoryWatch::Open(const Directory& directory) {
  posix::FileDescriptor fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd.ok()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("inotify_init: ", strerror(errno), ": raise fs.inotify.max_user_instances"));
  }
  // By the descriptor, because the path may lead elsewhere by now.
  const std::string path = absl::StrCat("/proc/self/fd/", directory.fd());
  if (inotify_add_watch(fd.get(), path.c_str(), kEvents) < 0) {
    return absl::UnavailableError(absl::StrCat("watch the manifest directory: ", strerror(errno),
                                               errno == ENOSPC ? ": raise fs.inotify.max_user_watches" : ""));
  }
  return DirectoryWatch(std::move(fd), &directory);
}

bool DirectoryWatch::IsComplete(const char* name) const {
  struct stat status = {};
  if (fstatat(directory_->fd(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) return true;  // gone again
  // A regular file will be closed by its writer; a link of either kind never will be.
  return !S_ISREG(status.st_mode) || status.st_nlink > 1;
}

void DirectoryWatch::Take(DirectoryChanges* changes) {
  alignas(inotify_event) char buffer[16 * 1024];
  for (;;) {
    const ssize_t length = read(fd_.get(), buffer, sizeof(buffer));
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return;
    for (ssize_t at = 0; at < length;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if (event->mask & IN_Q_OVERFLOW) changes->all = true;
      if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) changes->directory_gone = true;
      if (event->len == 0) continue;
      if (strcmp(event->name, kConfigMapData) == 0) changes->all = true;
      if (!IsManifestName(event->name)) continue;
      if ((event->mask & IN_CREATE) && !IsComplete(event->name)) continue;
      changes->names.insert(event->name);
    }
  }
}

}  // namespace shunt::sources

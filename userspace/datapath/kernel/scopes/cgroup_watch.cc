// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/scopes/cgroup_watch.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

constexpr uint32_t kEvents = IN_CREATE | IN_DELETE | IN_ONLYDIR;

}  // namespace

uint64_t CgroupIdAt(const std::string& directory) {
  struct stat facts = {};
  return ::stat(directory.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) ? facts.st_ino : 0;
}

CgroupWatch::CgroupWatch(std::string root, std::vector<CgroupPattern> patterns)
    : root_(std::move(root)), patterns_(std::move(patterns)) {
  if (patterns_.empty()) return;
  inotify_ = posix::FileDescriptor(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_.ok()) problem_ = std::string(KernelError(errno, "listen for new cgroups: inotify_init1").message());
}

CgroupWatch::Interest CgroupWatch::InterestIn(const std::vector<std::string>& components) const {
  Interest interest;
  for (const CgroupPattern& pattern : patterns_) {
    if (pattern.depth() < components.size()) continue;
    size_t at = 0;
    while (at < components.size() && pattern.Matches(at, components[at])) ++at;
    if (at < components.size()) continue;
    (pattern.depth() == at ? interest.matches : interest.goes_through) = true;
  }
  return interest;
}

absl::Status CgroupWatch::Walk() {
  if (patterns_.empty()) return absl::OkStatus();
  if (inotify_.ok()) problem_.clear();
  std::map<std::string, uint64_t> matches_before = std::exchange(matches_, {});
  std::map<int, std::string> listened_before = std::exchange(listened_, {});
  std::vector<std::string> components;
  Listen("");
  // The root alone must be there.
  absl::Status status = CgroupIdAt(root_) != 0 ? VisitChildren("", components)
                                               : absl::NotFoundError(absl::StrCat("there is no cgroup ", root_));
  if (!status.ok()) {
    // What was not read may still be there. The watches of both walks stay, so that no event of either is missed.
    matches_ = std::move(matches_before);
    listened_.merge(listened_before);
    return status;
  }
  for (const auto& [watch, path] : listened_before) {
    if (listened_.count(watch) == 0) inotify_rm_watch(inotify_.get(), watch);
  }
  return absl::OkStatus();
}

// The directory is listened to before its children are read, so that none is missed.
absl::Status CgroupWatch::Visit(const std::string& path, std::vector<std::string>& components) {
  const Interest interest = InterestIn(components);
  if (interest.matches) {
    if (const uint64_t id = CgroupIdAt(absl::StrCat(root_, path)); id != 0) matches_[path] = id;
  }
  if (!interest.goes_through) return absl::OkStatus();
  Listen(path);
  return VisitChildren(path, components);
}

// A directory that is gone has no children. One that cannot be read may have: the error says so.
absl::Status CgroupWatch::VisitChildren(const std::string& path, std::vector<std::string>& components) {
  const std::string directory = absl::StrCat(root_, path);
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(directory.c_str()), &closedir);
  if (open == nullptr) {
    return errno == ENOENT ? absl::OkStatus() : KernelError(errno, absl::StrCat("read cgroup ", directory));
  }
  absl::Status status;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(open.get());
    if (entry == nullptr) {
      // The kernel says ENOENT where the directory was removed after it was opened.
      if (errno != 0 && errno != ENOENT) status.Update(KernelError(errno, absl::StrCat("read cgroup ", directory)));
      return status;
    }
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    components.emplace_back(entry->d_name);
    status.Update(Visit(absl::StrCat(path, "/", entry->d_name), components));
    components.pop_back();
  }
}

void CgroupWatch::Listen(const std::string& path) {
  if (!inotify_.ok()) return;
  const int watch = inotify_add_watch(inotify_.get(), absl::StrCat(root_, path).c_str(), kEvents);
  if (watch >= 0) {
    listened_[watch] = path;
  } else if (errno != ENOENT && problem_.empty()) {
    problem_ = std::string(KernelError(errno, absl::StrCat("listen for new cgroups below ", root_, path)).message());
  }
}

// The kernel removes the watches of directories that are gone, and says so by IN_IGNORED.
void CgroupWatch::Forget(const std::string& path) {
  const std::string below = absl::StrCat(path, "/");
  std::erase_if(matches_,
                [&](const auto& match) { return match.first == path || absl::StartsWith(match.first, below); });
}

absl::Status CgroupWatch::Follow() {
  if (!inotify_.ok()) return absl::OkStatus();
  alignas(inotify_event) std::array<char, 16384> buffer;
  bool lost = false;
  absl::Status status;
  for (;;) {
    const ssize_t length = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) break;
    for (ssize_t at = 0; at < length;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const std::string name(event.len != 0 ? buffer.data() + at + sizeof(event) : "");
      at += static_cast<ssize_t>(sizeof(event) + event.len);
      lost |= (event.mask & IN_Q_OVERFLOW) != 0;
      const auto found = listened_.find(event.wd);
      if (found == listened_.end()) continue;
      if ((event.mask & IN_IGNORED) != 0) {
        listened_.erase(found);
        continue;
      }
      if ((event.mask & IN_ISDIR) == 0) continue;
      const std::string path = absl::StrCat(found->second, "/", name);
      if ((event.mask & IN_DELETE) != 0) Forget(path);
      if ((event.mask & IN_CREATE) == 0) continue;
      std::vector<std::string> components = absl::StrSplit(path.substr(1), '/');
      status.Update(Visit(path, components));
    }
  }
  return lost ? Walk() : status;
}

}  // namespace shunt::datapath

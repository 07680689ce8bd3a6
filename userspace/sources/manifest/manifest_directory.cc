// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources {
namespace {

// Editors and `kubectl apply -o yaml > file` make several events of one change.
constexpr int kSettleMs = 50;
constexpr int kDirectoryRetryMs = 500;

bool IsManifestName(absl::string_view name) {
  return !absl::StartsWith(name, ".") &&
         (absl::EndsWith(name, ".yaml") || absl::EndsWith(name, ".yml") || absl::EndsWith(name, ".json"));
}

std::set<std::string> ManifestNames(const std::string& directory) {
  std::set<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
  if (stream == nullptr) return names;
  while (const dirent* entry = readdir(stream.get())) {
    if (IsManifestName(entry->d_name)) names.insert(entry->d_name);
  }
  return names;
}

// The file's bytes, at most one more than the limit, so that DecodeManifest can tell. kNotFound if it is gone.
absl::StatusOr<std::string> ReadBytes(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const std::string message = absl::StrCat("cannot be opened: ", strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
  }
  std::string bytes;
  struct stat status = {};
  const bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  char buffer[64 * 1024];
  ssize_t length = 0;
  while (regular && bytes.size() <= kManifestBytesMax && (length = read(fd, buffer, sizeof(buffer))) > 0) {
    bytes.append(buffer, static_cast<size_t>(length));
  }
  const int error = errno;
  close(fd);
  if (!regular) return absl::InvalidArgumentError("not a regular file");
  if (length < 0) return absl::UnavailableError(absl::StrCat("cannot be read: ", strerror(error)));
  return bytes;
}

// True if `fd` became readable within the time; -1: for as long as it takes. `stop_fd` wakes too.
bool WaitReadable(int fd, int stop_fd, int timeout_ms) {
  pollfd fds[] = {{fd, POLLIN, 0}, {stop_fd, POLLIN, 0}};
  return poll(fds, 2, timeout_ms) > 0 && fds[0].revents != 0;
}

}  // namespace

ManifestDirectory::ManifestDirectory(std::string directory) : directory_(std::move(directory)) {}

void ManifestDirectory::ReadFile(const std::string& name) {
  const absl::StatusOr<std::string> bytes = ReadBytes(absl::StrCat(directory_, "/", name));
  if (bytes.ok()) {
    manifests_.Put(name, DecodeManifest(*bytes));
  } else if (absl::IsNotFound(bytes.status())) {
    manifests_.Remove(name);
  } else {
    manifests_.PutUnreadable(name, std::string(bytes.status().message()));
  }
}

void ManifestDirectory::Read(const DirectoryChanges& changes) {
  std::set<std::string> names;
  if (changes.all) {
    names = ManifestNames(directory_);
    for (const std::string& known : manifests_.Files()) names.insert(known);
  } else {
    names = changes.names;
  }
  for (const std::string& name : names) {
    if (IsManifestName(name)) ReadFile(name);
  }
}

void ManifestDirectory::Deliver(Sink& sink) {
  std::vector<SourceProblem> problems = manifests_.Problems();
  if (problems != reported_) {
    reported_ = problems;
    sink.Report(std::move(problems));
  }
  std::vector<Event> events = manifests_.TakeChanges();
  if (!events.empty()) sink.Deliver(std::move(events));
}

bool ManifestDirectory::WaitForChanges(DirectoryWatch& watch, int stop_fd, DirectoryChanges* changes) const {
  if (!WaitReadable(watch.fd(), stop_fd, -1)) return false;
  do {
    watch.Take(changes);
  } while (!changes->directory_gone && WaitReadable(watch.fd(), stop_fd, kSettleMs));
  return true;
}

bool ManifestDirectory::WaitForDirectory(Sink& sink, int stop_fd) {
  reported_ = manifests_.Problems();
  reported_.push_back({directory_, "the directory is gone: what it said last stays in force until it is back"});
  sink.Report(reported_);
  struct stat status = {};
  while (stat(directory_.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    pollfd stop = {stop_fd, POLLIN, 0};
    if (poll(&stop, 1, kDirectoryRetryMs) > 0) return false;
  }
  return true;
}

absl::Status ManifestDirectory::Run(Sink& sink, std::stop_token stop) {
  const int stop_fd = eventfd(0, EFD_CLOEXEC);
  if (stop_fd < 0) return absl::ResourceExhaustedError(absl::StrCat("eventfd: ", strerror(errno)));
  const std::unique_ptr<const int, void (*)(const int*)> close_stop(&stop_fd, [](const int* fd) { close(*fd); });
  const std::stop_callback wake(stop, [stop_fd] { eventfd_write(stop_fd, 1); });

  bool synced = false;
  while (!stop.stop_requested()) {
    absl::StatusOr<DirectoryWatch> watch = DirectoryWatch::Open(directory_);
    if (!watch.ok()) {
      if (!synced || !absl::IsNotFound(watch.status())) return watch.status();
      if (!WaitForDirectory(sink, stop_fd)) break;
      continue;
    }
    DirectoryChanges changes{.names = {}, .all = true};
    do {
      Read(changes);
      Deliver(sink);
      if (!synced) sink.Synced();
      synced = true;
      changes = {};
    } while (WaitForChanges(*watch, stop_fd, &changes) && !changes.directory_gone);
    if (changes.directory_gone && !WaitForDirectory(sink, stop_fd)) break;
  }
  return absl::OkStatus();
}

}  // namespace shunt::sources

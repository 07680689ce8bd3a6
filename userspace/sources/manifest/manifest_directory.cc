// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest_directory.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::sources {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Changes that belong together (an editor's, a copied directory's) come close together; but a file that changes all
// the time must not hold up the others for ever.
struct Rest {
  milliseconds quiet;
  milliseconds most;
};
constexpr Rest kAfterChange{milliseconds(50), milliseconds(1000)};
// A directory that was away is likely to be filled just now, and what it lacks would be taken away.
constexpr Rest kAfterReturn{milliseconds(500), milliseconds(5000)};
// inotify does not say that a path leads to another directory now.
constexpr int kPathCheckMs = 1000;
constexpr int kReturnCheckMs = 250;

// Takes what the watch has to say until it is at rest. False: asked to stop.
bool WaitForRest(DirectoryWatch& watch, StoppableWait& wait, const Rest& rest, DirectoryChanges* changes) {
  const steady_clock::time_point end = steady_clock::now() + rest.most;
  while (!changes->directory_gone) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0) return true;
    switch (wait.For(watch.fd(), static_cast<int>(std::min(rest.quiet, left).count()))) {
      case StoppableWait::Woken::kStopped:
        return false;
      case StoppableWait::Woken::kTimeout:
        return true;
      case StoppableWait::Woken::kReadable:
        watch.Take(changes);
    }
  }
  return true;
}

}  // namespace

ManifestDirectory::ManifestDirectory(std::string path) : path_(std::move(path)) {}

absl::Status ManifestDirectory::Run(Sink& sink, std::stop_token stop) {
  StoppableWait wait(std::move(stop));
  if (!wait.ok()) return absl::ResourceExhaustedError(absl::StrCat("eventfd: ", strerror(errno)));
  for (;;) {
    const absl::StatusOr<Directory> directory = Directory::Open(path_);
    absl::StatusOr<DirectoryWatch> watch =
        directory.ok() ? DirectoryWatch::Open(*directory) : absl::StatusOr<DirectoryWatch>(directory.status());
    if (watch.ok()) {
      if (!Follow(*directory, *watch, wait, sink)) return absl::OkStatus();
      continue;
    }
    if (!synced_) return watch.status();
    directory_problems_ = {{path_, absl::StrCat("the directory is gone, what it said last stays in force: ",
                                                std::string(watch.status().message()))}};
    Report(sink);
    if (wait.For(-1, kReturnCheckMs) == StoppableWait::Woken::kStopped) return absl::OkStatus();
  }
}

bool ManifestDirectory::Follow(const Directory& directory, DirectoryWatch& watch, StoppableWait& wait, Sink& sink) {
  DirectoryChanges changes{.names = {}, .all = true};
  if (synced_ && !WaitForRest(watch, wait, kAfterReturn, &changes)) return false;
  while (!changes.directory_gone) {
    if (!Read(directory, changes, wait)) return false;
    Report(sink);
    std::vector<Event> events = manifests_.TakeChanges();
    if (!events.empty()) sink.Deliver(std::move(events));
    if (!synced_) sink.Synced();
    synced_ = true;
    changes = {};
    if (!WaitForChanges(directory, watch, wait, &changes)) return false;
  }
  return true;
}

bool ManifestDirectory::WaitForChanges(const Directory& directory, DirectoryWatch& watch, StoppableWait& wait,
                                       DirectoryChanges* changes) {
  while (changes->empty()) {
    const StoppableWait::Woken woken = wait.For(watch.fd(), kPathCheckMs);
    if (woken == StoppableWait::Woken::kStopped) return false;
    if (woken == StoppableWait::Woken::kReadable) watch.Take(changes);
    if (!changes->empty() && !WaitForRest(watch, wait, kAfterChange, changes)) return false;
    // Last, so that the removal of a whole directory is not taken for the removal of each of its files.
    if (!directory.IsStillAtPath()) changes->directory_gone = true;
  }
  return true;
}

bool ManifestDirectory::Read(const Directory& directory, const DirectoryChanges& changes, StoppableWait& wait) {
  std::set<std::string> names = changes.names;
  if (changes.all) {
    directory_problems_.clear();
    const absl::StatusOr<std::set<std::string>> present = directory.ManifestNames();
    if (present.ok()) {
      names.insert(present->begin(), present->end());
    } else {
      directory_problems_ = {{path_, std::string(present.status().message())}};
    }
    for (const std::string& known : manifests_.Files()) names.insert(known);
  }
  for (const std::string& name : names) {
    if (wait.For(-1, 0) == StoppableWait::Woken::kStopped) return false;
    ReadFile(directory, name);
  }
  return true;
}

void ManifestDirectory::ReadFile(const Directory& directory, const std::string& name) {
  const absl::StatusOr<std::string> bytes = directory.Read(name);
  if (bytes.ok()) {
    manifests_.Put(name, DecodeManifest(*bytes, FormatOf(name)));
  } else if (absl::IsNotFound(bytes.status())) {
    manifests_.Remove(name);
  } else {
    manifests_.PutUnreadable(name, std::string(bytes.status().message()));
  }
}

void ManifestDirectory::Report(Sink& sink) {
  std::vector<SourceProblem> problems = directory_problems_;
  for (SourceProblem& problem : manifests_.Problems()) problems.push_back(std::move(problem));
  if (problems == reported_) return;
  reported_ = problems;
  sink.Report(std::move(problems));
}

}  // namespace shunt::sources

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

// As poll(2) takes it.
int Milliseconds(milliseconds time) {
  return static_cast<int>(time.count());
}

// Takes changes from the watch until the directory has settled. Returns false if asked to stop.
bool WaitUntilSettled(DirectoryWatch& watch, StoppableWait& wait, const ManifestPace::Rest& rest,
                      DirectoryChanges* changes) {
  const steady_clock::time_point end = steady_clock::now() + rest.most;
  while (!changes->directory_gone) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0) return true;
    switch (wait.For(watch.fd(), Milliseconds(std::min(rest.quiet, left)))) {
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

ManifestDirectory::ManifestDirectory(std::string path, const ManifestPace& pace)
    : path_(std::move(path)), pace_(pace) {}

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
    directory_problems_ = {{path_, absl::StrCat("the directory is gone, its last content stays in force: ",
                                                std::string(watch.status().message()))}};
    Report(sink);
    if (wait.For(-1, Milliseconds(pace_.return_check)) == StoppableWait::Woken::kStopped) return absl::OkStatus();
  }
}

bool ManifestDirectory::Follow(const Directory& directory, DirectoryWatch& watch, StoppableWait& wait, Sink& sink) {
  DirectoryChanges changes{.names = {}, .all = true};
  if (synced_ && !WaitUntilSettled(watch, wait, pace_.after_return, &changes)) return false;
  while (!changes.directory_gone) {
    if (!Read(directory, changes, wait)) return false;
    std::vector<Event> events = manifests_.TakeChanges();
    Report(sink);
    if (!events.empty()) sink.Deliver(std::move(events));
    if (!synced_) sink.Synced();
    synced_ = true;
    changes = {};
    if (!WaitForChanges(directory, watch, wait, &changes)) return false;
  }
  return true;
}

bool ManifestDirectory::WaitForChanges(const Directory& directory, DirectoryWatch& watch, StoppableWait& wait,
                                       DirectoryChanges* changes) const {
  while (changes->empty()) {
    const StoppableWait::Woken woken = wait.For(watch.fd(), Milliseconds(pace_.path_check));
    if (woken == StoppableWait::Woken::kStopped) return false;
    if (woken == StoppableWait::Woken::kReadable) watch.Take(changes);
    if (!changes->empty() && !WaitUntilSettled(watch, wait, pace_.after_change, changes)) return false;
    // Checked last, so that the removal of a directory does not count as the removal of each of its files.
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

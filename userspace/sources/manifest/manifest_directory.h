// SPDX-License-Identifier: Apache-2.0
// The source of `--manifests DIR`: every *.yaml, *.yml and *.json directly in DIR (hidden files excepted), read
// again whenever it changes: written in place, replaced by a rename, or swapped as a mounted ConfigMap is.
#ifndef SHUNT_SOURCES_MANIFEST_MANIFEST_DIRECTORY_H_
#define SHUNT_SOURCES_MANIFEST_MANIFEST_DIRECTORY_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "userspace/sources/manifest/directory.h"
#include "userspace/sources/manifest/directory_watch.h"
#include "userspace/sources/manifest/manifest_set.h"
#include "userspace/sources/manifest/stoppable_wait.h"
#include "userspace/sources/source.h"

namespace shunt::sources {

// How long to wait for a directory of manifests to settle, and how often to look for it.
struct ManifestPace {
  // Changes that belong together (by an editor, by a copied directory) come close together, but a file that changes all
  // the time must not delay the others without end.
  struct Rest {
    std::chrono::milliseconds quiet;
    std::chrono::milliseconds most;
  };
  Rest after_change{std::chrono::milliseconds(50), std::chrono::milliseconds(1000)};
  // A directory that has come back is probably still being filled, and objects that it lacks would be removed.
  Rest after_return{std::chrono::milliseconds(500), std::chrono::milliseconds(5000)};
  // inotify does not report that a path leads to another directory.
  std::chrono::milliseconds path_check{1000};
  std::chrono::milliseconds return_check{250};
};

class ManifestDirectory final : public Source {
 public:
  explicit ManifestDirectory(std::string path, const ManifestPace& pace = {});

  // Returns kNotFound if the directory does not exist at the start. If it goes away later, its last content stays in
  // force and a problem is reported until it is back and has settled. Changes that come together are one Deliver.
  absl::Status Run(Sink& sink, std::stop_token stop) override;

 private:
  // Delivers and reports until the directory is gone. Returns false if asked to stop.
  bool Follow(const Directory& directory, DirectoryWatch& watch, StoppableWait& wait, Sink& sink);
  // Waits for a change and for the directory to settle. Returns false if asked to stop.
  bool WaitForChanges(const Directory& directory, DirectoryWatch& watch, StoppableWait& wait,
                      DirectoryChanges* changes) const;
  // Reads the files that `changes` names; with `all`, also finds files that have come or gone. Returns false if asked
  // to stop.
  bool Read(const Directory& directory, const DirectoryChanges& changes, StoppableWait& wait);
  void ReadFile(const Directory& directory, const std::string& name);
  // Reports the current problems if they have changed.
  void Report(Sink& sink);

  const std::string path_;
  const ManifestPace pace_;
  bool synced_ = false;
  ManifestSet manifests_;
  std::vector<SourceProblem> directory_problems_;
  std::vector<SourceProblem> reported_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_MANIFEST_DIRECTORY_H_

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

// How long a directory of manifests is given to come to rest, and how often it is looked for.
struct ManifestPace {
  // Changes that belong together (an editor's, a copied directory's) come close together; but a file that changes all
  // the time must not hold up the others for ever.
  struct Rest {
    std::chrono::milliseconds quiet;
    std::chrono::milliseconds most;
  };
  Rest after_change{std::chrono::milliseconds(50), std::chrono::milliseconds(1000)};
  // A directory that was away is likely to be filled just now, and what it lacks would be taken away.
  Rest after_return{std::chrono::milliseconds(500), std::chrono::milliseconds(5000)};
  // inotify does not say that a path leads to another directory now.
  std::chrono::milliseconds path_check{1000};
  std::chrono::milliseconds return_check{250};
};

class ManifestDirectory final : public Source {
 public:
  explicit ManifestDirectory(std::string path, const ManifestPace& pace = {});

  // kNotFound if the directory is not there to begin with. If it goes away later, what it said stays in force and a
  // problem is reported until it is back and has come to rest. Changes that come together are one Deliver.
  absl::Status Run(Sink& sink, std::stop_token stop) override;

 private:
  // Delivers and reports until the directory is gone. False: asked to stop.
  bool Follow(const Directory& directory, DirectoryWatch& watch, StoppableWait& wait, Sink& sink);
  // Waits for the watch to say something and for the dust to settle. False: asked to stop.
  bool WaitForChanges(const Directory& directory, DirectoryWatch& watch, StoppableWait& wait,
                      DirectoryChanges* changes) const;
  // Reads what `changes` names; all: also notices files that have come or gone. False: asked to stop.
  bool Read(const Directory& directory, const DirectoryChanges& changes, StoppableWait& wait);
  void ReadFile(const Directory& directory, const std::string& name);
  // Reports what is wrong if that has changed.
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

// SPDX-License-Identifier: Apache-2.0
// The source of `--manifests DIR`: every *.yaml, *.yml and *.json directly in DIR (hidden files excepted), read
// again whenever it changes: written in place, replaced by a rename, or swapped as a mounted ConfigMap is.
#ifndef SHUNT_SOURCES_MANIFEST_MANIFEST_DIRECTORY_H_
#define SHUNT_SOURCES_MANIFEST_MANIFEST_DIRECTORY_H_

#include <string>

#include "absl/time/time.h"
#include "userspace/sources/manifest/directory_watch.h"
#include "userspace/sources/manifest/manifest_set.h"
#include "userspace/sources/source.h"

namespace shunt::sources {

class ManifestDirectory final : public Source {
 public:
  explicit ManifestDirectory(std::string directory);

  // kNotFound if the directory is not there to begin with. If it goes away later, what it said stays in force and a
  // problem is reported until it is back. Each batch of changes is one Deliver.
  absl::Status Run(Sink& sink, std::stop_token stop) override;

 private:
  // Reads what `changes` names; all: also notices files that have come or gone.
  void Read(const DirectoryChanges& changes);
  void ReadFile(const std::string& name);
  void Deliver(Sink& sink);
  // Waits for the watch to say something and for the dust to settle. False: asked to stop.
  bool WaitForChanges(DirectoryWatch& watch, int stop_fd, DirectoryChanges* changes) const;
  // Waits for the directory to come back. False: asked to stop.
  bool WaitForDirectory(Sink& sink, int stop_fd);

  const std::string directory_;
  ManifestSet manifests_;
  std::vector<SourceProblem> reported_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_MANIFEST_DIRECTORY_H_

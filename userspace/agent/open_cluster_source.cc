// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/open_cluster_source.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/sources/manifest/manifest_directory.h"

namespace shunt::agent {
namespace {

class Manifests final : public ClusterSource {
 public:
  explicit Manifests(std::string directory) : directory_(std::move(directory)) {}

  absl::Status Run(sources::Sink& sink, std::stop_token stop) override {
    return sources::ManifestDirectory(directory_).Run(sink, stop);
  }
  std::string Description() const override { return absl::StrCat("manifests ", directory_); }
  report::SourceStatus status() const override { return {}; }

 private:
  const std::string directory_;
};

absl::Status CheckDirectory(const std::string& path) {
  struct stat directory = {};
  if (::stat(path.c_str(), &directory) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("directory of manifests ", path, ": ", std::strerror(errno)));
  }
  if (!S_ISDIR(directory.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("directory of manifests ", path, ": not a directory"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckClusterSource(const Options& options) {
  return options.manifests.empty() ? KubernetesCluster::Check(options) : CheckDirectory(options.manifests);
}

absl::StatusOr<std::unique_ptr<ClusterSource>> OpenClusterSource(const Options& options,
                                                                 SourceEnvironment environment) {
  if (!options.manifests.empty()) return std::make_unique<Manifests>(options.manifests);
  return KubernetesCluster::Open(options, std::move(environment));
}

}  // namespace shunt::agent

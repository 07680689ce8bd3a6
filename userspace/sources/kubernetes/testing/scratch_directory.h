// SPDX-License-Identifier: Apache-2.0
// A directory of a test's own, with small files in it.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_SCRATCH_DIRECTORY_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_SCRATCH_DIRECTORY_H_

#include <stdlib.h>  // mkdtemp

#include <filesystem>
#include <fstream>
#include <string>

namespace shunt::sources::kubernetes {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "shunt-kubernetes.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }
  // Replaces the file `name` by another one, as tools that rotate credentials do. Returns its path.
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string file = path_ + "/" + name;
    std::ofstream(file + ".new") << text;
    std::filesystem::rename(file + ".new", file);
    return file;
  }

 private:
  std::string path_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_SCRATCH_DIRECTORY_H_

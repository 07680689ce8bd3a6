// SPDX-License-Identifier: Apache-2.0
// What a directory of manifests says as a whole, and what of it has changed. Pure: no files, no clock.
//
//  - A file that is good as a whole replaces what it said before.
//  - A file with errors adds and changes what its good documents say, and takes nothing away: what else it said when
//    it was last good stays, marked as kept.
//  - An object in several files is taken from the first by name, but what is said now counts before what is kept;
//    the others are reported.
#ifndef SHUNT_SOURCES_MANIFEST_MANIFEST_SET_H_
#define SHUNT_SOURCES_MANIFEST_MANIFEST_SET_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "userspace/sources/manifest/manifest.h"
#include "userspace/sources/source.h"

namespace shunt::sources {

// Not thread-safe. The work for one changed file does not depend on the others.
class ManifestSet {
 public:
  // The file's new content.
  void Put(const std::string& file, Manifest manifest);
  // The file is there but cannot be read: what it said is kept.
  void PutUnreadable(const std::string& file, std::string why);
  void Remove(const std::string& file);

  std::vector<std::string> Files() const;
  // The difference between what the files say and what was taken before, ordered by kind and name.
  std::vector<Event> TakeChanges();
  // Everything wrong at present, by file and line.
  std::vector<SourceProblem> Problems() const;

 private:
  using Key = std::pair<ObjectKind, model::ObjectName>;

  struct Entry {
    std::shared_ptr<const Object> object;
    int line = 0;
    bool kept = false;  // from the file's last good version, not from its present one
  };
  struct File {
    absl::flat_hash_map<Key, Entry> objects;
    std::vector<ParseError> errors;   // while there are any, nothing is taken away
    std::vector<ParseError> repeats;  // documents that describe an object of the same file again
  };
  // One object: the files that describe it, in name order, and what was last taken, null if nothing.
  struct Holding {
    std::vector<std::string> files;
    std::shared_ptr<const Object> taken;
  };

  // The file of the description that counts. REQUIRES: there is one.
  const std::string& Winner(const Key& key, const Holding& holding) const;
  void Hold(const Key& key, const std::string& file);
  void Release(const Key& key, const std::string& file);

  std::map<std::string, File> files_;
  absl::flat_hash_map<Key, Holding> holdings_;
  absl::flat_hash_set<Key> touched_;  // since the last TakeChanges
  std::set<Key> contested_;           // described by more than one file
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_MANIFEST_SET_H_

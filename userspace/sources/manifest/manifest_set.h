// SPDX-License-Identifier: Apache-2.0
// What a directory of manifests says as a whole, and what of it has changed. Pure: no files, no clock.
//
//  - A file that is good as a whole replaces what it said before.
//  - A file with errors adds and changes what its good documents say, and takes nothing away.
//  - An object in several files is taken from the first by name; the others are reported.
#ifndef SHUNT_SOURCES_MANIFEST_MANIFEST_SET_H_
#define SHUNT_SOURCES_MANIFEST_MANIFEST_SET_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "userspace/sources/manifest/manifest.h"
#include "userspace/sources/source.h"

namespace shunt::sources {

// Not thread-safe.
class ManifestSet {
 public:
  // The file's new content.
  void Put(const std::string& file, Manifest manifest);
  // The file is there but cannot be read: what it said stays.
  void PutUnreadable(const std::string& file, std::string why);
  void Remove(const std::string& file);

  std::vector<std::string> Files() const;
  // The difference between what the files say and what was taken before, in no particular order.
  std::vector<Event> TakeChanges();
  // Everything wrong at present, by file and line.
  std::vector<SourceProblem> Problems() const;

 private:
  using Key = std::pair<ObjectKind, model::ObjectName>;
  struct File {
    std::map<Key, DecodedObject> objects;
    std::vector<ParseError> errors;
  };

  std::map<std::string, File> files_;
  std::map<Key, Object> taken_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_MANIFEST_SET_H_

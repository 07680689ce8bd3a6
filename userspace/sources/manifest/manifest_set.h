// SPDX-License-Identifier: Apache-2.0
// The objects of all manifests of a directory, and which of them have changed. Pure: no files, no clock.
//
//  - A file without errors replaces its previous content.
//  - A file with errors adds and changes the objects of its good documents and removes nothing: the other objects of
//    its last version without errors stay, marked as kept.
//  - An object in several files is taken from the first file by name, but current objects take precedence over kept
//    ones; the other files are reported.
//  - Endpoints are one object, but are taken as EndpointSlices, and only while their Service is there and has no
//    selector: in a cluster, others come from its pods.
//  - EndpointSlices without a Service are taken, and they and Endpoints that are not taken are reported.
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
  // Sets the file's new content.
  void Put(const std::string& file, Manifest manifest);
  // Notes that the file exists but cannot be read: its previous content is kept.
  void PutUnreadable(const std::string& file, std::string why);
  void Remove(const std::string& file);

  std::vector<std::string> Files() const;
  // Returns the changes since the last call, ordered by kind and name of the objects in the files.
  std::vector<Event> TakeChanges();
  // Returns all current problems, by file and line. What is not used of good objects is as of the last TakeChanges.
  std::vector<SourceProblem> Problems() const;

 private:
  enum class Kind { kService, kEndpointSlice, kEndpoints, kNode };
  using Key = std::pair<Kind, model::ObjectName>;
  // What one document gives: one object, or as many slices as an Endpoints has. The name of an object at any position
  // follows from the document's name.
  using Objects = std::vector<Object>;

  struct Entry {
    std::shared_ptr<const Objects> objects;
    int line = 0;
    bool has_selector = false;  // of a Service
    bool kept = false;          // from the file's last version without errors, not from its current one
  };
  using Entries = absl::flat_hash_map<Key, Entry>;
  struct File {
    Entries objects;
    std::vector<ManifestError> errors;  // while there are any, nothing is removed
    std::vector<ParseError> warnings;   // others, as about documents that describe an object of the same file again
  };
  // One object: the files that describe it, in name order, and its last state from TakeChanges, null if there is none.
  struct Holding {
    std::vector<std::string> files;
    std::shared_ptr<const Objects> taken;
  };

  static Kind KindOf(const Object& object);
  static std::string Describe(const Key& key);
  // Adds the entry to `entries`, or a warning to `file` if the object is there already.
  static void Enter(const Key& key, Entry entry, Entries* entries, File* file);

  // Adds an error to `file` for each object of a kind that does not exist, in the place of one of `file` that would be
  // removed: its kind may be misspelt.
  static void RefuseInPlaceOfKnown(const std::vector<UnknownObject>& unknown, const Entries& now, File* file);

  // Returns the file from which the object is taken. REQUIRES: there is one.
  const std::string& Winner(const Key& key, const Holding& holding) const;
  const Entry& WinningEntry(const Key& key, const Holding& holding) const;
  // Returns what is said of the Service of this name, or null if there is none.
  const Entry* FindService(const model::ObjectName& name) const;
  // Returns whether there is a Service of this name whose endpoints are written by hand.
  bool IsServiceWithoutSelector(const model::ObjectName& name) const;
  // Follows the Service that a slice names, from its object in the last TakeChanges to the present one, if any.
  void IndexSlice(const Objects* before, const Objects* after, std::set<model::ObjectName>* services);
  // Decides again which slices and Endpoints of the Service are not used.
  void JudgeUse(const model::ObjectName& service);
  void NoteUse(const Key& key);
  // Returns why no Service uses the slice or the Endpoints and what to do about it; empty if one does, or if nothing is
  // lost.
  std::string WhyUnused(const Key& key) const;
  std::string WhySliceIsUnused(const model::EndpointSlice& slice) const;
  std::string WhyEndpointsAreUnused(const model::ObjectName& name, const model::EndpointSlice& first) const;
  // The problems of the file's errors, warnings and `contested` objects, and its objects that are `unused`.
  static void AppendProblems(const std::string& name, const File& file, std::vector<ParseError> contested,
                             std::vector<ParseError> unused, std::vector<SourceProblem>* problems);
  // Also marks the Endpoints of the Services that have been touched.
  void TouchEndpoints();
  // Returns what is to be served of the object now, null if nothing.
  std::shared_ptr<const Objects> Current(const Key& key, const Holding& holding) const;
  static void AppendChanges(const Objects* before, const Objects* after, std::vector<Event>* events);
  void Hold(const Key& key, const std::string& file);
  void Release(const Key& key, const std::string& file);

  std::map<std::string, File> files_;
  absl::flat_hash_map<Key, Holding> holdings_;
  absl::flat_hash_set<Key> touched_;  // since the last TakeChanges
  std::set<Key> contested_;           // described by more than one file
  // Service -> the names of the slices whose label names it.
  absl::flat_hash_map<model::ObjectName, std::set<std::string>> slices_of_;
  std::set<Key> unused_;  // slices and Endpoints that no Service uses
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_MANIFEST_SET_H_

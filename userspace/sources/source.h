// SPDX-License-Identifier: Apache-2.0
// Where the cluster's objects come from: the Kubernetes API or a directory of manifests. A source decodes objects and
// delivers them; it knows nothing about plans or the kernel.
#ifndef SHUNT_SOURCES_SOURCE_H_
#define SHUNT_SOURCES_SOURCE_H_

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "userspace/model/names.h"
#include "userspace/sources/object.h"

namespace shunt::sources {

// The object exists in this state; it is new or has changed.
struct Upsert {
  Object object;
};
// The object no longer exists. A Node has an empty namespace.
struct Remove {
  ObjectKind kind;
  model::ObjectName name;
};
using Event = std::variant<Upsert, Remove>;

// A problem with the source's input, for the log and for `shuntctl status`.
struct SourceProblem {
  std::string where;  // "services.yaml:12", or the resource that is watched
  std::string what;   // what is wrong and what to do about it
  // The Service whose object is refused because of it; nullopt if it is about anything else.
  std::optional<model::ObjectName> refused_service = std::nullopt;
  bool advice = false;  // nothing is refused: something that is good is not used

  friend bool operator==(const SourceProblem&, const SourceProblem&) = default;
};

// Receives what a source delivers. Implementations are thread-safe.
class Sink {
 public:
  virtual ~Sink() = default;
  // Delivers events that belong together (one re-read file, one moved endpoint): the consumer sees all of them or none.
  virtual void Deliver(std::vector<Event> events) = 0;
  // Says that everything that existed when the source started has been delivered. Further calls have no effect.
  virtual void Synced() = 0;
  // Says that all objects of this kind have been delivered as they are at the API's resourceVersion `version`, `count`
  // of them. If this is kept across a restart, the next agent accepts nothing older. A source that has no versions
  // never calls it.
  virtual void Progress(ObjectKind /*kind*/, std::string /*version*/, size_t /*count*/) {}
  // Replaces the list of current problems.
  virtual void Report(std::vector<SourceProblem> problems) = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  // Delivers until `stop` is requested, then returns OK. Returns an error if the source cannot work at all. Called in a
  // thread of its own.
  virtual absl::Status Run(Sink& sink, std::stop_token stop) = 0;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_SOURCE_H_

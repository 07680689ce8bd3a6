// SPDX-License-Identifier: Apache-2.0
// Where the cluster's objects come from: a directory of manifests, later the Kubernetes API. A source
// decodes and delivers; it knows nothing of plans or of the kernel.
#ifndef SHUNT_SOURCES_SOURCE_H_
#define SHUNT_SOURCES_SOURCE_H_

#include <cstddef>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/names.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"

namespace shunt::sources {

enum class ObjectKind { kService, kEndpointSlice, kNode };

// The object exists and is this, whether it is new or changed.
struct Upsert {
  std::variant<model::Service, model::EndpointSlice, model::Node> object;
};
// The object is gone. A Node has an empty namespace.
struct Remove {
  ObjectKind kind;
  model::ObjectName name;
};
using Event = std::variant<Upsert, Remove>;

// A complaint about the source's input, for the log and for `shuntctl status`.
struct SourceProblem {
  std::string where;  // "services.yaml:12", or the resource that is watched
  std::string what;   // what is wrong and what to do about it

  friend bool operator==(const SourceProblem&, const SourceProblem&) = default;
};

// Receives what a source delivers. Implementations are thread-safe.
class Sink {
 public:
  virtual ~Sink() = default;
  // Events that belong together (one re-read file, one moved endpoint): the consumer sees all or none.
  virtual void Deliver(std::vector<Event> events) = 0;
  // Everything that existed when the source started has been delivered. Again: no effect.
  virtual void Synced() = 0;
  // All there is of this kind at the API's resourceVersion `version` has been delivered, `count` objects. Worth keeping
  // across a restart: then the next agent accepts nothing older. A source without versions never calls it.
  virtual void Progress(ObjectKind /*kind*/, std::string /*version*/, size_t /*count*/) {}
  // Replaces the list of present problems.
  virtual void Report(std::vector<SourceProblem> problems) = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  // Delivers until `stop` is requested, then returns OK. An error means that the source cannot work at all.
  // Runs in a thread of its own.
  virtual absl::Status Run(Sink& sink, std::stop_token stop) = 0;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_SOURCE_H_

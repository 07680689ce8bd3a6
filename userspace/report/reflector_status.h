// SPDX-License-Identifier: Apache-2.0
// What the Kubernetes source reports about itself, for /metrics and `shuntctl status`. The source fills these values
// and hands out copies; the admin API and the metrics show them.
#ifndef SHUNT_REPORT_REFLECTOR_STATUS_H_
#define SHUNT_REPORT_REFLECTOR_STATUS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace shunt::report {

// One resource that is listed and watched. Counters are cumulative since the agent started.
struct ReflectorStatus {
  std::string resource;       // as in the API's path: "services", "endpointslices", "nodes"
  uint64_t relists = 0;       // lists begun after the first one: a watch could not go on (410), or must not
  uint64_t watch_starts = 0;  // watches begun, including the first one
  uint64_t stalls = 0;        // connections closed because they were silent for too long
  uint64_t errors = 0;        // lists and watches that failed
  uint64_t events = 0;        // objects added, changed or removed, by lists and watches
  uint64_t bookmarks = 0;     // watch events that carry a resourceVersion and no object
  // Objects that were left out because they could not be decoded or no API server would store them, each time that a
  // list or an event showed one.
  uint64_t rejected_objects = 0;
  uint64_t objects_left_out = 0;   // such objects now
  uint64_t objects = 0;            // objects that are now known
  int64_t last_event_time_ms = 0;  // since 1970: the last object, bookmark or complete list; 0 for never
  int64_t current_as_of_ms = 0;    // since 1970: when the server last confirmed that this is its state; 0 for never
  std::string resource_version;    // the newest that was delivered; empty before the first
  bool synced = false;             // the first list has been delivered
  // A complete list would remove too much, and waits for a consistent list to confirm it.
  bool list_held_back = false;
  uint64_t removals_held_back = 0;  // objects that this list would remove
  std::string last_error;           // of the last list or watch that failed; empty while all is well
};

// Requests to API servers that were answered or failed.
struct RequestCount {
  std::string code;    // HTTP status "200"; "<error>" if there was no answer (client-go's word)
  std::string method;  // "GET"
  std::string host;    // host:port, without a path
  uint64_t count = 0;

  friend bool operator==(const RequestCount&, const RequestCount&) = default;
};

struct SourceStatus {
  std::vector<ReflectorStatus> reflectors;  // one per resource, in the order in which they were set up
  std::string server;                       // URL of the API server in use; empty without one
  bool reachable = false;                   // the server in use has answered since it last failed to answer
  std::vector<RequestCount> requests;       // each (code, method, host) once
  // Until every reflector is synced: when the snapshot on disk was written that the state comes from; 0 without one.
  int64_t snapshot_time_ms = 0;  // since 1970
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_REFLECTOR_STATUS_H_

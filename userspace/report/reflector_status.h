// SPDX-License-Identifier: Apache-2.0
// What the Kubernetes source says about itself, for /metrics and `shuntctl status`. Values only: the source fills
// them and hands out copies, the admin API and the metrics show them.
#ifndef SHUNT_REPORT_REFLECTOR_STATUS_H_
#define SHUNT_REPORT_REFLECTOR_STATUS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace shunt::report {

// One resource that is listed and watched. Counts are since the agent's start and never fall.
struct ReflectorStatus {
  std::string resource;            // as in the API's path: "services", "endpointslices", "nodes"
  uint64_t relists = 0;            // lists begun after the first one: a watch could not go on (410), or must not
  uint64_t watch_starts = 0;       // watches begun, the first one included
  uint64_t stalls = 0;             // connections given up because they were silent for too long
  uint64_t errors = 0;             // lists and watches that ended in anything but their regular end
  uint64_t events = 0;             // objects added, changed or removed, by lists and watches
  uint64_t bookmarks = 0;          // watch events that carry a resourceVersion and no object
  uint64_t rejected_objects = 0;   // objects that could not be decoded, or that no API server would store
  uint64_t objects = 0;            // known now
  int64_t last_event_time_ms = 0;  // since 1970: the last object, bookmark or complete list; 0: never
  int64_t current_as_of_ms = 0;    // since 1970: when the server last confirmed that this is its state; 0: never
  std::string resource_version;    // the newest that was delivered; empty: none
  bool synced = false;             // the first list is delivered
  // A complete list that would remove so much that it waits for a consistent list to confirm it.
  bool list_held_back = false;
  uint64_t removals_held_back = 0;  // objects that it would remove
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
  std::vector<ReflectorStatus> reflectors;  // one a resource, in the order in which they were set up
  std::string server;                       // URL of the API server in use; empty: none is
  bool reachable = false;                   // the server in use has answered since it was last found silent
  std::vector<RequestCount> requests;       // each (code, method, host) once
  // The state comes from a snapshot on disk, written at this time, until every reflector is synced. 0: it does not.
  int64_t snapshot_time_ms = 0;  // since 1970
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_REFLECTOR_STATUS_H_

// SPDX-License-Identifier: Apache-2.0
// Answers of a real API server (kube-apiserver 1.36), recorded byte by byte in testdata/; and what they say, by another
// way than the decoder's: the same answer in JSON, through the decoder of manifests.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_RECORDING_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_RECORDING_H_

#include <string>
#include <vector>

#include "userspace/sources/kubernetes/wire/watch_event.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

struct Recording {
  int status = 0;
  std::string content_type;
  std::string body;  // without HTTP's chunks
};

// testdata/NAME.http. A recording that cannot be read fails the test.
Recording ReadRecording(const std::string& name);

// What stands in an answer's JSON, as the decoder should see it in protobuf: only what is kept.
std::vector<Object> JsonListItems(const std::string& body);
std::vector<WatchEvent> JsonWatchEvents(const std::string& body);

// The object without what differs between two recordings of the same change: uid, version, time of creation, addresses
// that the API server chose.
Object WithoutIdentity(Object object);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_RECORDING_H_

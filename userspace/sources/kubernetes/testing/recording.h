// SPDX-License-Identifier: Apache-2.0
// Answers of a real API server (kube-apiserver 1.36), recorded byte by byte in testdata/, and their content by another
// way than the decoder's: the same answer in JSON, read by the decoder of manifests.
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

// Return the content of an answer's JSON as the decoder should find it in protobuf: only the fields that are kept.
std::vector<Object> JsonListItems(const std::string& body);
std::vector<WatchEvent> JsonWatchEvents(const std::string& body);

// Returns the object without the fields that differ between two recordings of the same change: uid, version, time of
// creation, and the addresses that the API server chose.
Object WithoutIdentity(Object object);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_RECORDING_H_

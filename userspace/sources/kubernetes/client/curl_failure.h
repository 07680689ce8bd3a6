// SPDX-License-Identifier: Apache-2.0
// curl's errors in the words of transport.h.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_FAILURE_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_FAILURE_H_

#include <curl/curl.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

// OK for CURLE_OK, otherwise as ResponseHandler::OnEnd has it. `detail` is curl's error buffer, which may be empty.
absl::Status StatusOfCurl(CURLcode code, absl::string_view detail);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_FAILURE_H_

// SPDX-License-Identifier: Apache-2.0
// libcurl's objects with owners.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_HANDLE_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_HANDLE_H_

#include <curl/curl.h>

#include <memory>

namespace shunt::sources::kubernetes {

struct CurlDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlEasy = std::unique_ptr<CURL, CurlDeleter>;
using CurlList = std::unique_ptr<curl_slist, CurlDeleter>;

struct CurlMultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using CurlMulti = std::unique_ptr<CURLM, CurlMultiDeleter>;

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_HANDLE_H_

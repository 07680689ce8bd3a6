// SPDX-License-Identifier: Apache-2.0
// One request and its answer, as a libcurl handle.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_EXCHANGE_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_EXCHANGE_H_

#include <curl/curl.h>

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "userspace/sources/kubernetes/client/api_socket.h"
#include "userspace/sources/kubernetes/client/credentials.h"
#include "userspace/sources/kubernetes/client/head_reader.h"
#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

// Owners of libcurl's objects.
struct CurlDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlEasy = std::unique_ptr<CURL, CurlDeleter>;
using CurlList = std::unique_ptr<curl_slist, CurlDeleter>;

// What a connection is made of, besides its address.
struct ExchangeSettings {
  CredentialTexts credentials;
  bool skip_tls_verification = false;
  std::string proxy;  // URL; empty: none
  std::string user_agent;
  ConnectionTimers timers;
};

// What all exchanges of a transport share.
struct ExchangeEnvironment {
  std::function<int(const curl_sockaddr&)> open_socket;
  bool handler_called = false;  // set with every call of a handler
};

// Not thread-safe: all calls come from the transport's thread, also from within curl_multi_perform.
class CurlExchange {
 public:
  // `environment` and `handler` outlive the exchange.
  CurlExchange(HttpRequest request, SteadyTime begun, ResponseHandler& handler, ExchangeEnvironment& environment);
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;

  // Makes the handle ready to be added to a multi handle; its CURLOPT_PRIVATE is this exchange. Returns
  // kInvalidArgument if the request cannot be sent.
  absl::Status SetUp(const ExchangeSettings& settings);
  CURL* easy() const { return easy_.get(); }

  // From now on the handler is not called, and curl's callbacks tell it to give up.
  void Abandon() { abandoned_ = true; }
  bool abandoned() const { return abandoned_; }

  // Returns the time by which the head must have come or, after that, the answer must have ended.
  SteadyTime deadline() const;
  // Returns the error of an exchange that has passed its deadline.
  absl::Status Late() const;
  // Returns what curl's verdict means for ResponseHandler::OnEnd.
  absl::Status Verdict(CURLcode code) const;

  bool has_head() const { return reader_.complete(); }
  const HttpRequest& request() const { return request_; }
  ResponseHandler& handler() const { return handler_; }

 private:
  absl::Status SetAddress(const ExchangeSettings& settings);
  void SetTls(const ExchangeSettings& settings);
  void SetHeaders(const ExchangeSettings& settings);
  void SetCallbacks();
  static size_t HeaderLine(char* bytes, size_t size, size_t count, void* exchange);
  static size_t BodyPiece(char* bytes, size_t size, size_t count, void* exchange);
  static curl_socket_t Socket(void* exchange, curlsocktype purpose, curl_sockaddr* address);

  const HttpRequest request_;
  const SteadyTime begun_;
  ResponseHandler& handler_;
  ExchangeEnvironment& environment_;
  HeadReader reader_;
  absl::Status refused_;  // why we stopped reading
  bool abandoned_ = false;
  bool tls_ = true;
  std::string host_header_;  // where it is not the URL's host
  std::array<char, CURL_ERROR_SIZE> error_{};
  CurlList headers_;
  CurlList connect_to_;
  CurlEasy easy_;  // last: it refers to the others
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_EXCHANGE_H_

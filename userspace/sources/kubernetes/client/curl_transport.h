// SPDX-License-Identifier: Apache-2.0
// A Transport over libcurl: HTTP/1.1, one connection per running exchange; successive lists share one.
//
// It asks for no compression: that would cost the API server more processor time than a cluster's network saves. The C
// library looks up names in a thread of curl's; `prepare_socket` does not see the sockets of these lookups.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_TRANSPORT_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_TRANSPORT_H_

#include <curl/curl.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/sources/kubernetes/client/api_socket.h"
#include "userspace/sources/kubernetes/client/client_config.h"
#include "userspace/sources/kubernetes/client/credentials.h"
#include "userspace/sources/kubernetes/client/curl_exchange.h"
#include "userspace/sources/kubernetes/client/proxy.h"
#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

struct CurlTransportOptions {
  // Its servers are not used: each request names its own.
  ClientConfig client;
  ProxyEnvironment proxies;
  // Called for every socket before it connects, also to a proxy. If it fails, the connection is tried anyway, because
  // some connections may work, and problems() reports the failure.
  PrepareSocket prepare_socket;
  ConnectionTimers timers;
};

struct CurlMultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using CurlMulti = std::unique_ptr<CURLM, CurlMultiDeleter>;

class CurlTransport final : public Transport {
 public:
  // Returns kInternal if libcurl does not start or lacks TLS. REQUIRES: the process ignores SIGPIPE, as shuntd does,
  // because OpenSSL writes to connections that may be gone.
  static absl::StatusOr<std::unique_ptr<CurlTransport>> Create(CurlTransportOptions options);
  ~CurlTransport() override;

  // Checks the credential files for each request, and reads those that have changed.
  RequestId Start(HttpRequest request, ResponseHandler& handler) override;
  void Cancel(RequestId request) override;
  SteadyTime Wait(SteadyTime until) override;
  void Wake() override;
  void RefreshCredentials() override { credentials_.Forget(); }
  std::vector<std::string> problems() const override;

 private:
  CurlTransport(CurlTransportOptions options, CurlMulti multi);

  // Hands the exchanges to curl that were started since the last call.
  void Begin();
  absl::Status Add(CurlExchange& exchange);
  void Perform();
  void EndFinished();
  void EndLate();
  // Removes the exchange and then calls its handler for the last time, unless the exchange was cancelled.
  void End(RequestId id, const absl::Status& status);
  // Takes the exchange from curl and frees it.
  void Remove(RequestId id);
  int MillisecondsUntil(SteadyTime until) const;
  int OpenSocket(const curl_sockaddr& address);

  const CurlTransportOptions options_;
  const std::string user_agent_;
  CredentialReader credentials_;
  std::string socket_problem_;
  ExchangeEnvironment environment_;
  RequestId last_id_ = 0;
  bool in_curl_ = false;  // in curl_multi_perform no handle can be added or removed
  std::atomic<bool> woken_ = false;
  CurlMulti multi_;
  std::vector<RequestId> started_;  // not yet handed to curl
  std::map<RequestId, std::unique_ptr<CurlExchange>> exchanges_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CURL_TRANSPORT_H_

// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/curl_failure.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

// The kernel gave the peer up. curl keeps no errno of connections that stood, only its text.
bool IsHalfOpen(absl::string_view detail) {
  return absl::StrContains(detail, "Connection timed out") ||
         absl::StrContains(detail, absl::StrCat("errno ", ETIMEDOUT));
}

// The peer's words for a certificate, ours, that it did not like; TLS 1.3 says so only after the handshake.
bool IsAlertOfCertificate(absl::string_view detail) {
  return absl::StrContains(detail, "alert") &&
         (absl::StrContains(detail, "certificate") || absl::StrContains(detail, "unknown ca") ||
          absl::StrContains(detail, "handshake failure") || absl::StrContains(detail, "access denied") ||
          absl::StrContains(detail, "decrypt error"));
}

// A signature that does not fit, found by OpenSSL's cryptography before its TLS had a word: the authority has the name
// of the right one and another key, as with two clusters of kubeadm's.
bool IsWrongSignature(absl::string_view detail) {
  return absl::StrContains(detail, " routines::") && !absl::StrContains(detail, "SSL routines::");
}

absl::string_view Advice(absl::string_view detail) {
  if (absl::StrContains(detail, "does not match") || absl::StrContains(detail, "no alternative certificate")) {
    return "; if the server is the right one, give the name that its certificate bears as tls-server-name in the "
           "kubeconfig";
  }
  if (absl::StrContains(detail, "unable to get local issuer") || absl::StrContains(detail, "self-signed") ||
      absl::StrContains(detail, "self signed") || IsWrongSignature(detail)) {
    return "; is certificate-authority (or ca.crt) the one of this cluster?";
  }
  return "";
}

absl::StatusCode CodeOf(CURLcode code, absl::string_view detail) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:  // of connecting: requests have their timeouts from us
    case CURLE_COULDNT_CONNECT:
      return absl::StatusCode::kUnavailable;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return absl::StatusCode::kUnauthenticated;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return absl::StatusCode::kInvalidArgument;
    default:
      if (IsHalfOpen(detail)) return absl::StatusCode::kDeadlineExceeded;
      return IsAlertOfCertificate(detail) || IsWrongSignature(detail) ? absl::StatusCode::kUnauthenticated
                                                                      : absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::Status StatusOfCurl(CURLcode code, absl::string_view detail) {
  if (code == CURLE_OK) return absl::OkStatus();
  const absl::string_view words = detail.empty() ? absl::string_view(curl_easy_strerror(code)) : detail;
  return {CodeOf(code, words), absl::StrCat(words, Advice(words))};
}

}  // namespace shunt::sources::kubernetes

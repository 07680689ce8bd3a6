// SPDX-License-Identifier: Apache-2.0
// Certificates that a test makes for itself.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_CERTIFICATES_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_CERTIFICATES_H_

#include <openssl/x509.h>

#include <memory>
#include <string>

namespace shunt::sources::kubernetes {

// A certificate and its key, both as PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

// A self-signed authority. Aborts if OpenSSL refuses.
class TestAuthority {
 public:
  // Two authorities with one name differ only in their keys, like those of all clusters made by kubeadm.
  explicit TestAuthority(const std::string& common_name = "kubernetes");

  const std::string& certificate() const { return identity_.certificate; }
  // Signed by this authority, valid for an hour. `names` is a subjectAltName: "DNS:api,IP:127.0.0.1".
  Identity Issue(const std::string& names) const;

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
  Identity identity_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_CERTIFICATES_H_

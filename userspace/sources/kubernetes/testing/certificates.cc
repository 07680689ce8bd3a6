// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/testing/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>

namespace shunt::sources::kubernetes {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<EVP_PKEY> NewKey() {
  return {EVP_EC_gen("P-256"), &EVP_PKEY_free};
}

template <typename Write>
std::string Pem(const Write& write) {
  const std::unique_ptr<BIO, int (*)(BIO*)> memory(BIO_new(BIO_s_mem()), &BIO_free);
  Require(write(memory.get()) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);  // NOLINT(google-runtime-int): OpenSSL's type
  return {bytes, static_cast<size_t>(size)};
}

Identity AsPem(X509* certificate, EVP_PKEY* key) {
  return {Pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); }),
          Pem([&](BIO* out) { return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); })};
}

void AddExtension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  Require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// Not signed yet.
std::shared_ptr<X509> NewCertificate(EVP_PKEY* key, const std::string& common_name) {
  static int serial = 1;
  std::shared_ptr<X509> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), 2);  // which is version 3
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

TestAuthority::TestAuthority(const std::string& common_name)
    : key_(NewKey()), certificate_(NewCertificate(key_.get(), common_name)) {
  X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
  AddExtension(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  Require(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
  identity_ = AsPem(certificate_.get(), key_.get());
}

Identity TestAuthority::Issue(const std::string& names) const {
  const std::shared_ptr<EVP_PKEY> key = NewKey();
  const std::shared_ptr<X509> certificate = NewCertificate(key.get(), "issued");
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
  AddExtension(certificate.get(), NID_subject_alt_name, names);
  Require(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
  return AsPem(certificate.get(), key.get());
}

}  // namespace shunt::sources::kubernetes

// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/credentials.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

// A header line has no control characters, so a token with some could forge another header.
bool HasControlCharacters(const std::string& token) {
  return std::any_of(token.begin(), token.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

CredentialReader::Follower::Follower(std::string what, Material material)
    : what_(std::move(what)), file_(std::move(material.file)), text_(std::move(material.text)) {
  if (!file_.empty()) text_.clear();
}

absl::StatusOr<TextFile> CredentialReader::Follower::ReadFile() const {
  absl::StatusOr<TextFile> read = ReadTextFile(file_);
  if (!read.ok()) return read.status();
  absl::StripAsciiWhitespace(&read->text);
  if (read->text.empty()) return absl::InvalidArgumentError(absl::StrCat(file_, " is empty"));
  return read;
}

absl::Status CredentialReader::Follower::Follow() {
  if (file_.empty()) return absl::OkStatus();
  // The stamp is older than the text: a write between the two shows at the next call.
  if (stamp_.has_value() && StampOf(file_) == stamp_) return absl::OkStatus();
  absl::StatusOr<TextFile> read = ReadFile();
  if (read.ok()) {
    text_ = std::move(read->text);
    stamp_ = read->stamp;
    problem_.clear();
    return absl::OkStatus();
  }
  if (text_.empty()) return absl::UnauthenticatedError(absl::StrCat(what_, ": ", read.status().message()));
  problem_ = absl::StrCat(what_, ": ", read.status().message(), "; its previous content is still used");
  return absl::OkStatus();
}

CredentialReader::CredentialReader(Credentials credentials)
    : certificate_authority_("the API server's CA", std::move(credentials.certificate_authority)),
      token_("the token", std::move(credentials.token)),
      client_certificate_("the client certificate", std::move(credentials.client_certificate)),
      client_key_("the client certificate's key", std::move(credentials.client_key)) {}

absl::StatusOr<CredentialTexts> CredentialReader::Read() {
  for (Follower* follower : {&certificate_authority_, &token_, &client_certificate_, &client_key_}) {
    if (absl::Status status = follower->Follow(); !status.ok()) return status;
  }
  if (HasControlCharacters(token_.text())) {
    return absl::UnauthenticatedError("the token contains line ends or other control characters: it is not a token");
  }
  return CredentialTexts{certificate_authority_.text(), token_.text(), client_certificate_.text(), client_key_.text()};
}

void CredentialReader::Forget() {
  for (Follower* follower : {&certificate_authority_, &token_, &client_certificate_, &client_key_}) follower->Forget();
}

std::vector<std::string> CredentialReader::problems() const {
  std::vector<std::string> problems;
  for (const Follower* follower : {&certificate_authority_, &token_, &client_certificate_, &client_key_}) {
    if (!follower->problem().empty()) problems.push_back(follower->problem());
  }
  return problems;
}

}  // namespace shunt::sources::kubernetes

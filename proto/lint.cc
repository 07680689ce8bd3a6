// SPDX-License-Identifier: Apache-2.0
#include "proto/lint.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace shunt::proto {
namespace {

namespace pb = google::protobuf;

bool IsLowerSnake(absl::string_view name) {
  return !name.empty() && absl::ascii_islower(name.front()) && name.back() != '_' && !absl::StrContains(name, "__") &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_'; });
}

bool IsPascal(absl::string_view name) {
  return !name.empty() && absl::ascii_isupper(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isalnum(c); });
}

// FrontendKind -> FRONTEND_KIND
std::string UpperSnake(absl::string_view pascal) {
  std::string out;
  for (size_t i = 0; i < pascal.size(); ++i) {
    if (i > 0 && absl::ascii_isupper(pascal[i])) out += '_';
    out += absl::ascii_toupper(pascal[i]);
  }
  return out;
}

bool IsVersion(absl::string_view part) {
  return part.size() >= 2 && part[0] == 'v' && part[1] != '0' &&
         std::all_of(part.begin() + 1, part.end(), [](char c) { return absl::ascii_isdigit(c); });
}

class Linter {
 public:
  std::vector<std::string> Run(const pb::FileDescriptor& file) {
    CheckFile(file);
    for (int i = 0; i < file.message_type_count(); ++i) CheckMessage(*file.message_type(i));
    for (int i = 0; i < file.enum_type_count(); ++i) CheckEnum(*file.enum_type(i));
    for (int i = 0; i < file.service_count(); ++i) CheckService(*file.service(i));
    return std::move(violations_);
  }

 private:
  void Require(bool holds, absl::string_view rule, const std::string& name, absl::string_view what) {
    if (!holds) violations_.push_back(absl::StrCat(rule, " ", name, ": ", what));
  }

  template <typename Descriptor>
  void RequireComment(const Descriptor& descriptor) {
    pb::SourceLocation location;
    const bool commented =
        descriptor.GetSourceLocation(&location) &&
        !absl::StripAsciiWhitespace(absl::StrCat(location.leading_comments, location.trailing_comments)).empty();
    Require(commented, "COMMENT", descriptor.full_name(), "has no comment");
  }

  void CheckFile(const pb::FileDescriptor& file) {
    const std::string& name = file.name();
    const size_t slash = name.rfind('/');
    const std::string base = name.substr(slash == std::string::npos ? 0 : slash + 1);
    const std::string directory = slash == std::string::npos ? "" : name.substr(0, slash);
    Require(file.syntax() == pb::FileDescriptor::SYNTAX_PROTO3, "SYNTAX_SPECIFIED", name, "is not proto3");
    Require(absl::EndsWith(base, ".proto") && IsLowerSnake(base.substr(0, base.size() - 6)), "FILE_LOWER_SNAKE_CASE",
            name, "the file's name is not lower_snake_case.proto");
    Require(!file.package().empty(), "PACKAGE_DEFINED", name, "has no package");
    const std::vector<std::string> parts = absl::StrSplit(file.package(), '.');
    Require(std::all_of(parts.begin(), parts.end(), [](const std::string& part) { return IsLowerSnake(part); }),
            "PACKAGE_LOWER_SNAKE_CASE", name, "a part of the package is not lower_snake_case");
    Require(IsVersion(parts.back()), "PACKAGE_VERSION_SUFFIX", name, "the package does not end in a version");
    Require(absl::StrReplaceAll(file.package(), {{".", "/"}}) == directory, "PACKAGE_DIRECTORY_MATCH", name,
            "its directory does not match its package");
    Require(file.public_dependency_count() == 0, "IMPORT_NO_PUBLIC", name, "has a public import");
    Require(file.weak_dependency_count() == 0, "IMPORT_NO_WEAK", name, "has a weak import");
    CheckImports(file);
  }

  void CheckImports(const pb::FileDescriptor& file) {
    std::vector<const pb::FileDescriptor*> used;
    for (int i = 0; i < file.message_type_count(); ++i) CollectUses(*file.message_type(i), used);
    for (int i = 0; i < file.service_count(); ++i) {
      for (int j = 0; j < file.service(i)->method_count(); ++j) {
        used.push_back(file.service(i)->method(j)->input_type()->file());
        used.push_back(file.service(i)->method(j)->output_type()->file());
      }
    }
    for (int i = 0; i < file.dependency_count(); ++i) {
      // The fields of messages in a service's own file still need the imports of their types.
      Require(std::find(used.begin(), used.end(), file.dependency(i)) != used.end(), "IMPORT_USED", file.name(),
              absl::StrCat("does not use ", file.dependency(i)->name()));
    }
  }

  static void CollectUses(const pb::Descriptor& message, std::vector<const pb::FileDescriptor*>& used) {
    for (int i = 0; i < message.field_count(); ++i) {
      if (message.field(i)->message_type() != nullptr) used.push_back(message.field(i)->message_type()->file());
      if (message.field(i)->enum_type() != nullptr) used.push_back(message.field(i)->enum_type()->file());
    }
    for (int i = 0; i < message.nested_type_count(); ++i) CollectUses(*message.nested_type(i), used);
  }

  void CheckMessage(const pb::Descriptor& message) {
    RequireComment(message);
    Require(IsPascal(message.name()), "MESSAGE_PASCAL_CASE", message.full_name(), "is not PascalCase");
    for (int i = 0; i < message.field_count(); ++i) {
      const pb::FieldDescriptor& field = *message.field(i);
      RequireComment(field);
      Require(IsLowerSnake(field.name()), "FIELD_LOWER_SNAKE_CASE", field.full_name(), "is not lower_snake_case");
      Require(!field.is_required(), "FIELD_NOT_REQUIRED", field.full_name(), "is required");
    }
    for (int i = 0; i < message.real_oneof_decl_count(); ++i) {
      const pb::OneofDescriptor& oneof = *message.oneof_decl(i);
      RequireComment(oneof);
      Require(IsLowerSnake(oneof.name()), "ONEOF_LOWER_SNAKE_CASE", oneof.full_name(), "is not lower_snake_case");
    }
    for (int i = 0; i < message.nested_type_count(); ++i) CheckMessage(*message.nested_type(i));
    for (int i = 0; i < message.enum_type_count(); ++i) CheckEnum(*message.enum_type(i));
  }

  void CheckEnum(const pb::EnumDescriptor& enumeration) {
    RequireComment(enumeration);
    Require(IsPascal(enumeration.name()), "ENUM_PASCAL_CASE", enumeration.full_name(), "is not PascalCase");
    Require(!enumeration.options().allow_alias(), "ENUM_NO_ALLOW_ALIAS", enumeration.full_name(), "allows aliases");
    const std::string prefix = UpperSnake(enumeration.name()) + "_";
    for (int i = 0; i < enumeration.value_count(); ++i) {
      const pb::EnumValueDescriptor& value = *enumeration.value(i);
      RequireComment(value);
      Require(value.name() == absl::AsciiStrToUpper(value.name()), "ENUM_VALUE_UPPER_SNAKE_CASE", value.full_name(),
              "is not UPPER_SNAKE_CASE");
      Require(absl::StartsWith(value.name(), prefix), "ENUM_VALUE_PREFIX", value.full_name(),
              absl::StrCat("does not begin with ", prefix));
      Require(i > 0 || value.number() == 0, "ENUM_FIRST_VALUE_ZERO", value.full_name(), "comes first and is not 0");
      Require(value.number() != 0 || absl::EndsWith(value.name(), "_UNSPECIFIED"), "ENUM_ZERO_VALUE_SUFFIX",
              value.full_name(), "is 0 and does not end in _UNSPECIFIED");
    }
  }

  void CheckService(const pb::ServiceDescriptor& service) {
    RequireComment(service);
    Require(IsPascal(service.name()), "SERVICE_PASCAL_CASE", service.full_name(), "is not PascalCase");
    Require(absl::EndsWith(service.name(), "Service"), "SERVICE_SUFFIX", service.full_name(),
            "does not end in Service");
    for (int i = 0; i < service.method_count(); ++i) {
      const pb::MethodDescriptor& method = *service.method(i);
      RequireComment(method);
      Require(IsPascal(method.name()), "RPC_PASCAL_CASE", method.full_name(), "is not PascalCase");
      CheckMessageOfMethod(method, *method.input_type(), "Request", "RPC_REQUEST_STANDARD_NAME", service.name());
      CheckMessageOfMethod(method, *method.output_type(), "Response", "RPC_RESPONSE_STANDARD_NAME", service.name());
    }
  }

  void CheckMessageOfMethod(const pb::MethodDescriptor& method, const pb::Descriptor& message, absl::string_view suffix,
                            absl::string_view rule, const std::string& service) {
    const std::string short_name = absl::StrCat(method.name(), suffix);
    Require(message.name() == short_name || message.name() == service + short_name, rule, method.full_name(),
            absl::StrCat(message.name(), " is not named ", short_name));
    Require(std::find(rpc_messages_.begin(), rpc_messages_.end(), &message) == rpc_messages_.end(),
            "RPC_REQUEST_RESPONSE_UNIQUE", method.full_name(), absl::StrCat(message.name(), " is used twice"));
    rpc_messages_.push_back(&message);
  }

  std::vector<const pb::Descriptor*> rpc_messages_;
  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> Lint(const google::protobuf::FileDescriptor& file) {
  return Linter().Run(file);
}

}  // namespace shunt::proto

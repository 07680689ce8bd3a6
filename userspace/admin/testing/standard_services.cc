// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/testing/standard_services.h"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/sync_stream.h>

namespace shunt::admin::testing {
namespace {

using google::protobuf::Empty;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

// A message whose fields are all unknown has the same bytes on the wire as one of a generated type.
UnknownFieldSet* Fields(Empty& message) {
  return message.GetReflection()->MutableUnknownFields(&message);
}

// Returns the length-delimited fields with this number, each as the message that it holds.
std::vector<std::string> Delimited(const UnknownFieldSet& fields, int number) {
  std::vector<std::string> found;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.number() == number && field.type() == UnknownField::TYPE_LENGTH_DELIMITED) {
      found.push_back(field.length_delimited());
    }
  }
  return found;
}

std::vector<std::string> Delimited(const std::string& bytes, int number) {
  UnknownFieldSet fields;
  fields.ParseFromString(bytes);
  return Delimited(fields, number);
}

}  // namespace

std::string CheckHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC,
                                         channel);
  Empty request;
  if (!service.empty()) Fields(request)->AddLengthDelimited(1, service);  // HealthCheckRequest.service
  Empty response;
  grpc::ClientContext context;
  const grpc::Status status =
      grpc::internal::BlockingUnaryCall<Empty, Empty>(channel.get(), method, &context, request, &response);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) return "NOT_FOUND";
  if (!status.ok()) return status.error_message();
  uint64_t serving = 0;  // HealthCheckResponse.status
  const UnknownFieldSet& fields = *Fields(response);
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).number() == 1) serving = fields.field(i).varint();
  }
  return serving == 1 ? "SERVING" : serving == 2 ? "NOT_SERVING" : "UNKNOWN";
}

std::vector<std::string> ListReflectedServices(const std::shared_ptr<grpc::Channel>& channel) {
  const grpc::internal::RpcMethod method("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                         grpc::internal::RpcMethod::BIDI_STREAMING, channel);
  grpc::ClientContext context;
  const std::unique_ptr<grpc::ClientReaderWriter<Empty, Empty>> stream(
      grpc::internal::ClientReaderWriterFactory<Empty, Empty>::Create(channel.get(), method, &context));
  Empty request;
  Fields(request)->AddLengthDelimited(7, "*");  // ServerReflectionRequest.list_services
  stream->Write(request);
  stream->WritesDone();
  std::vector<std::string> names;
  Empty response;
  while (stream->Read(&response)) {
    // ServerReflectionResponse.list_services_response = 6, ListServiceResponse.service = 1, ServiceResponse.name = 1
    for (const std::string& list : Delimited(*Fields(response), 6)) {
      for (const std::string& service : Delimited(list, 1)) {
        for (const std::string& name : Delimited(service, 1)) names.push_back(name);
      }
    }
  }
  stream->Finish();
  return names;
}

}  // namespace shunt::admin::testing

// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace shunt::sources {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string Service(const std::string& name, int port = 80) {
  return absl::StrCat("---\napiVersion: v1\nkind: Service\nmetadata: {name: ", name, "}\nspec: {ports: [{port: ", port,
                      "}]}\n");
}
constexpr char kBad[] = "---\nkind: [\n";

class ManifestSetTest : public testing::Test {
 protected:
  void Put(const std::string& file, const std::string& text) { set_.Put(file, DecodeManifest(text)); }

  // "+NAME:PORT" and "-NAME" for Services.
  std::vector<std::string> Changes() {
    std::vector<std::string> changes;
    for (const Event& event : set_.TakeChanges()) {
      if (const auto* upsert = std::get_if<Upsert>(&event)) {
        const auto& service = std::get<model::Service>(upsert->object);
        changes.push_back(absl::StrCat("+", service.name.name, ":", service.ports[0].port));
      } else {
        changes.push_back(absl::StrCat("-", std::get<Remove>(event).name.name));
      }
    }
    return changes;
  }

  std::vector<std::string> Problems() const {
    std::vector<std::string> problems;
    for (const SourceProblem& problem : set_.Problems())
      problems.push_back(absl::StrCat(problem.where, ": ", problem.what));
    return problems;
  }

  ManifestSet set_;
};

TEST_F(ManifestSetTest, OnlyDifferencesAreTaken) {
  Put("a.yaml", Service("one") + Service("two"));
  EXPECT_THAT(Changes(), ElementsAre("+one:80", "+two:80"));
  EXPECT_THAT(Changes(), IsEmpty());
  Put("a.yaml", "# a comment more\n" + Service("two") + Service("one"));
  EXPECT_THAT(Changes(), IsEmpty()) << "the same objects, in another order";
  Put("a.yaml", Service("two", 81) + Service("three"));
  EXPECT_THAT(Changes(), ElementsAre("-one", "+three:80", "+two:81"));
  set_.Remove("a.yaml");
  EXPECT_THAT(Changes(), ElementsAre("-three", "-two"));
  EXPECT_THAT(set_.Files(), IsEmpty());
  set_.Remove("a.yaml");
  EXPECT_THAT(Changes(), IsEmpty());
}

TEST_F(ManifestSetTest, WhatComesAndGoesBetweenTwoLooksIsNoChange) {
  Put("a.yaml", Service("one"));
  set_.Remove("a.yaml");
  EXPECT_THAT(Changes(), IsEmpty());
}

TEST_F(ManifestSetTest, AMoveToAnotherFileIsNoChange) {
  Put("a.yaml", Service("one"));
  Changes();
  set_.Remove("a.yaml");
  Put("b.yaml", Service("one"));
  EXPECT_THAT(Changes(), IsEmpty());
}

TEST_F(ManifestSetTest, ABadFileTakesNothingAway) {
  Put("a.yaml", Service("one") + Service("two"));
  Changes();
  Put("a.yaml", Service("two", 81) + kBad + Service("three"));
  EXPECT_THAT(Changes(), ElementsAre("+three:80", "+two:81")) << "its good documents are served, the missing one stays";
  ASSERT_EQ(Problems().size(), 1u);
  EXPECT_THAT(Problems()[0], testing::StartsWith("a.yaml:8: not valid YAML: "));
  Put("a.yaml", kBad);
  EXPECT_THAT(Changes(), IsEmpty()) << "bad twice in a row keeps what was kept";
  Put("a.yaml", Service("three"));
  EXPECT_THAT(Changes(), ElementsAre("-one", "-two"));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(ManifestSetTest, AnObjectThatTurnsBadKeepsItsLastGoodForm) {
  Put("a.yaml", Service("one"));
  Changes();
  Put("a.yaml", Service("one", 0));
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_THAT(Problems(),
              ElementsAre("a.yaml:5: Service default/one: spec.ports[0].port must be a whole number from 1 to 65535, "
                          "not \"0\""));
  Put("a.yaml", Service("one", 82));
  EXPECT_THAT(Changes(), ElementsAre("+one:82"));
}

TEST_F(ManifestSetTest, AMisspeltKindTakesNothingAway) {
  Put("a.yaml", Service("one") + Service("two"));
  Changes();
  Put("a.yaml", Service("one") + "---\napiVersion: v1\nkind: service\nmetadata: {name: two}\n");
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_THAT(Problems(), ElementsAre("a.yaml:7: apiVersion v1, kind service is not known: is v1, Service meant?"));
}

TEST_F(ManifestSetTest, AnObjectOfNoKindInThePlaceOfAKnownOneTakesNothingAway) {
  const std::string nonsense = "---\napiVersion: v1\nkind: Svc\nmetadata: {name: two}\n";
  const std::string problem =
      "a.yaml:7: apiVersion v1 has no kind Svc, and the file had Service default/two, which stays in force: is the "
      "kind misspelt? If the object is to go, remove the document";
  Put("a.yaml", Service("one") + Service("two"));
  Changes();
  for (int i = 0; i < 2; ++i) {
    Put("a.yaml", Service("one") + nonsense);
    EXPECT_THAT(Changes(), IsEmpty()) << "written " << i + 1 << " times";
    EXPECT_THAT(Problems(), ElementsAre(problem));
    EXPECT_EQ(set_.Problems()[0].refused_service, (model::ObjectName{"default", "two"}));
  }
  Put("a.yaml", Service("one") + nonsense + Service("two", 81));
  EXPECT_THAT(Changes(), ElementsAre("+two:81")) << "the Service is there";
  EXPECT_THAT(Problems(), IsEmpty());
  Put("a.yaml", Service("one"));
  EXPECT_THAT(Changes(), ElementsAre("-two"));
  Put("a.yaml", Service("one") + nonsense);
  EXPECT_THAT(Problems(), IsEmpty()) << "no object was known by this name";
}

TEST_F(ManifestSetTest, ARefusedServiceIsNamed) {
  Put("a.yaml", Service("one", 0) + "---\n{apiVersion: v1, kind: Service, metadata: {name: Two}}\n" +
                    "---\n{apiVersion: v1, kind: Node, metadata: {name: two}, spec: 5}\n");
  const std::vector<SourceProblem> problems = set_.Problems();
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].refused_service, (model::ObjectName{"default", "one"}));
  EXPECT_EQ(problems[1].refused_service, std::nullopt) << "its name cannot be read";
  EXPECT_EQ(problems[1].what,
            "Service in document 2: metadata.name must be lower-case letters, digits and '-', no '-' at either end");
  EXPECT_EQ(problems[2].refused_service, std::nullopt) << "it is a Node";
  EXPECT_EQ(problems[2].what, "Node two: spec must be an object, not a single value");
  for (const SourceProblem& problem : problems) EXPECT_FALSE(problem.advice) << problem.what;
}

TEST_F(ManifestSetTest, ADocumentOfAnotherKindDoesNotKeepWhatIsTakenOut) {
  const std::string deployment = "---\napiVersion: apps/v1\nkind: Deployment\nspec: {{ .Values.spec }}\n";
  Put("a.yaml", Service("one") + deployment + Service("two"));
  Changes();
  Put("a.yaml", Service("one") + deployment);
  EXPECT_THAT(Changes(), ElementsAre("-two"));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(ManifestSetTest, ARemovedFileIsGoneHoweverBadItWas) {
  Put("a.yaml", Service("one"));
  Changes();
  Put("a.yaml", kBad);
  set_.Remove("a.yaml");
  EXPECT_THAT(Changes(), ElementsAre("-one"));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(ManifestSetTest, AnUnreadableFileKeepsWhatItSaid) {
  Put("a.yaml", Service("one"));
  Changes();
  set_.PutUnreadable("a.yaml", "cannot be opened: Permission denied");
  set_.PutUnreadable("b.yaml", "cannot be opened: Permission denied");
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_THAT(Problems(), ElementsAre("a.yaml: cannot be opened: Permission denied",
                                      "b.yaml: cannot be opened: Permission denied"));
  Put("a.yaml", "");
  EXPECT_THAT(Changes(), ElementsAre("-one"));
}

TEST_F(ManifestSetTest, TheFirstFileByNameWins) {
  Put("b.yaml", Service("one", 82));
  EXPECT_THAT(Changes(), ElementsAre("+one:82"));
  Put("a.yaml", Service("one", 81));
  EXPECT_THAT(Changes(), ElementsAre("+one:81")) << "whenever it came";
  Put("c.yaml", "# late\n" + Service("one", 83));
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_THAT(
      Problems(),
      ElementsAre("b.yaml:2: Service default/one is given twice: the one in a.yaml is used, this one is ignored",
                  "c.yaml:3: Service default/one is given twice: the one in a.yaml is used, this one is ignored"));
  set_.Remove("a.yaml");
  EXPECT_THAT(Changes(), ElementsAre("+one:82"));
  EXPECT_THAT(
      Problems(),
      ElementsAre("c.yaml:3: Service default/one is given twice: the one in b.yaml is used, this one is ignored"));
  Put("b.yaml", "");
  EXPECT_THAT(Changes(), ElementsAre("+one:83"));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(ManifestSetTest, WhatIsSaidNowCountsBeforeWhatIsKept) {
  Put("a.yaml", Service("one", 81));
  Changes();
  Put("a.yaml", kBad);
  Put("b.yaml", Service("one", 82));
  EXPECT_THAT(Changes(), ElementsAre("+one:82")) << "moved to another file, while the first has an error elsewhere";
  EXPECT_EQ(Problems().size(), 1u);
  set_.Remove("b.yaml");
  EXPECT_THAT(Changes(), ElementsAre("+one:81")) << "still kept";
}

TEST_F(ManifestSetTest, WithinAFileTheFirstWins) {
  Put("a.yaml", Service("one", 81) + Service("one", 82) + Service("two"));
  EXPECT_THAT(Changes(), ElementsAre("+one:81", "+two:80"));
  EXPECT_THAT(
      Problems(),
      ElementsAre("a.yaml:7: Service default/one is given twice: the one on line 2 is used, this one is ignored"));
  Put("a.yaml", Service("one", 81) + Service("one", 82));
  EXPECT_THAT(Changes(), ElementsAre("-two")) << "a repetition is no reason to doubt the rest";
}

TEST_F(ManifestSetTest, ObjectsOfDifferentKindsMayShareAName) {
  Put("a.yaml", absl::StrCat(Service("one"), "---\n{apiVersion: v1, kind: Node, metadata: {name: one}}\n---\n",
                             "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, ",
                             "metadata: {name: one}}\n"));
  const std::vector<Event> events = set_.TakeChanges();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(std::get<model::Node>(std::get<Upsert>(events[2]).object).name, "one");
  set_.Remove("a.yaml");
  const std::vector<Event> removals = set_.TakeChanges();
  ASSERT_EQ(removals.size(), 3u);
  EXPECT_EQ(std::get<Remove>(removals[1]).kind, ObjectKind::kEndpointSlice);
  EXPECT_EQ(std::get<Remove>(removals[2]).name, (model::ObjectName{"", "one"}));
}

// Endpoints beside Services.
class ManifestSetEndpointsTest : public ManifestSetTest {
 protected:
  static std::string ServiceOf(const std::string& name, bool selector) {
    return absl::StrCat("---\napiVersion: v1\nkind: Service\nmetadata: {name: ", name, "}\nspec: {",
                        selector ? "selector: {app: x}, " : "", "ports: [{port: 80}]}\n");
  }
  // One subset for each address.
  static std::string Endpoints(const std::string& name, const std::vector<std::string>& addresses) {
    std::string text = absl::StrCat("---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: ", name, "}\nsubsets:\n");
    for (const std::string& address : addresses) {
      absl::StrAppend(&text, "- {addresses: [{ip: ", address, "}], ports: [{port: 80}]}\n");
    }
    return text;
  }

  // "+NAME=ADDRESS" and "-NAME" for slices; Services are passed over.
  std::vector<std::string> SliceChanges() {
    std::vector<std::string> changes;
    for (const Event& event : set_.TakeChanges()) {
      if (const auto* upsert = std::get_if<Upsert>(&event)) {
        const auto* const slice = std::get_if<model::EndpointSlice>(&upsert->object);
        if (slice != nullptr) {
          changes.push_back(absl::StrCat("+", slice->name.name, "=", absl::string_view(slice->endpoints[0].address)));
        }
      } else if (std::get<Remove>(event).kind == ObjectKind::kEndpointSlice) {
        changes.push_back(absl::StrCat("-", std::get<Remove>(event).name.name));
      }
    }
    return changes;
  }
};

TEST_F(ManifestSetEndpointsTest, OfAServiceWithoutSelectorAreServed) {
  Put("a.yaml", ServiceOf("db", false) + Endpoints("db", {"192.0.2.1", "192.0.2.2"}));
  EXPECT_THAT(SliceChanges(), ElementsAre("+endpoints/db/0=192.0.2.1", "+endpoints/db/1=192.0.2.2"));
  Put("a.yaml", ServiceOf("db", false) + Endpoints("db", {"192.0.2.3"}));
  EXPECT_THAT(SliceChanges(), ElementsAre("+endpoints/db/0=192.0.2.3", "-endpoints/db/1"));
  Put("a.yaml", ServiceOf("db", false));
  EXPECT_THAT(SliceChanges(), ElementsAre("-endpoints/db/0"));
}

TEST_F(ManifestSetEndpointsTest, OfAServiceWithASelectorAreNot) {
  Put("a.yaml", ServiceOf("db", true) + Endpoints("db", {"192.0.2.1"}));
  EXPECT_THAT(SliceChanges(), IsEmpty());
  Put("a.yaml", Endpoints("db", {"192.0.2.1"}));
  EXPECT_THAT(SliceChanges(), IsEmpty()) << "nor are those without a Service";
}

TEST_F(ManifestSetEndpointsTest, FollowTheSelectorOfTheirServiceInAnotherFile) {
  Put("a.yaml", Endpoints("db", {"192.0.2.1"}));
  Put("b.yaml", ServiceOf("db", false));
  EXPECT_THAT(SliceChanges(), ElementsAre("+endpoints/db/0=192.0.2.1"));
  Put("b.yaml", ServiceOf("db", true));
  EXPECT_THAT(SliceChanges(), ElementsAre("-endpoints/db/0"));
  Put("b.yaml", ServiceOf("db", false));
  EXPECT_THAT(SliceChanges(), ElementsAre("+endpoints/db/0=192.0.2.1"));
  set_.Remove("b.yaml");
  EXPECT_THAT(SliceChanges(), ElementsAre("-endpoints/db/0"));
}

TEST_F(ManifestSetEndpointsTest, AreOneObjectWhateverElseIsWrongWithTheFile) {
  Put("a.yaml", ServiceOf("db", false) + Endpoints("db", {"192.0.2.1", "192.0.2.2"}));
  SliceChanges();
  Put("a.yaml", ServiceOf("db", false) + Endpoints("db", {"192.0.2.1"}) + kBad);
  EXPECT_THAT(SliceChanges(), ElementsAre("-endpoints/db/1")) << "the good document says so";
  Put("a.yaml", ServiceOf("db", false) + Endpoints("db", {"nonsense"}));
  EXPECT_THAT(SliceChanges(), IsEmpty());
  Put("b.yaml", Endpoints("db", {"192.0.2.9", "192.0.2.10"}));
  EXPECT_THAT(SliceChanges(), ElementsAre("+endpoints/db/0=192.0.2.9", "+endpoints/db/1=192.0.2.10"))
      << "what is only kept gives way to what is said now, as a whole";
}

// What is not used of good objects.
class ManifestSetUnusedTest : public ManifestSetEndpointsTest {
 protected:
  // A slice of one address, with the label if `service` is not null.
  static std::string Slice(const std::string& name, const char* service) {
    return absl::StrCat("---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: ", name,
                        service == nullptr ? "" : ", labels: {kubernetes.io/service-name: '",
                        service == nullptr ? "" : service, service == nullptr ? "" : "'}",
                        "}\naddressType: IPv4\nendpoints: [{addresses: [192.0.2.1]}]\n");
  }

  // Takes the changes, and returns the problems after them, each of which is advice.
  std::vector<std::string> Advice() {
    set_.TakeChanges();
    for (const SourceProblem& problem : set_.Problems()) EXPECT_TRUE(problem.advice) << problem.what;
    return Problems();
  }
};

TEST_F(ManifestSetUnusedTest, SlicesWithoutTheLabel) {
  for (const char* service : {static_cast<const char*>(nullptr), ""}) {
    Put("a.yaml", Slice("s", service));
    EXPECT_THAT(Advice(), ElementsAre("a.yaml:2: EndpointSlice default/s is not used, because it lacks the label "
                                      "kubernetes.io/service-name: add it, with the name of its Service"));
  }
  Put("a.yaml", Slice("s", "Not a name"));
  EXPECT_THAT(Advice(), ElementsAre("a.yaml:2: EndpointSlice default/s is not used, because its label "
                                    "kubernetes.io/service-name must be lower-case letters, digits and '-', no '-' at "
                                    "either end: write the name of its Service"));
  set_.Remove("a.yaml");
  EXPECT_THAT(Advice(), IsEmpty());
}

TEST_F(ManifestSetUnusedTest, SlicesOfAServiceThatIsNotThere) {
  const auto unused = [](absl::string_view where, absl::string_view slice) {
    return absl::StrCat(where, ": EndpointSlice default/", slice,
                        " is not used, because its label kubernetes.io/service-name names Service default/one, and "
                        "there is none: correct the label or the namespace, or add the Service");
  };
  Put("slices.yaml", Slice("s", "one") + Slice("t", "one"));
  EXPECT_THAT(Advice(), ElementsAre(unused("slices.yaml:2", "s"), unused("slices.yaml:8", "t")));
  Put("service.yaml", Service("one"));
  EXPECT_THAT(Advice(), IsEmpty()) << "in whatever file it comes, and whenever";
  Put("slices.yaml", Slice("s", "one") + Slice("t", "on"));
  EXPECT_THAT(Advice(), ElementsAre(testing::HasSubstr("names Service default/on, and there is none")));
  Put("slices.yaml", Slice("s", "one"));
  EXPECT_THAT(Advice(), IsEmpty());
  set_.Remove("service.yaml");
  EXPECT_THAT(Advice(), ElementsAre(unused("slices.yaml:2", "s")));
  Put("slices.yaml", kBad);
  set_.TakeChanges();
  EXPECT_THAT(Problems(), ElementsAre(unused("slices.yaml", "s"), testing::StartsWith("slices.yaml:3: not valid YAML")))
      << "what is kept has no line";
}

TEST_F(ManifestSetUnusedTest, EndpointsThatNoServiceTakes) {
  const std::string no_service =
      "a.yaml:2: Endpoints default/db is not used, because there is no Service default/db: correct its name or "
      "namespace, or add the Service";
  Put("a.yaml", Endpoints("db", {"192.0.2.1"}));
  EXPECT_THAT(Advice(), ElementsAre(no_service));
  Put("b.yaml", ServiceOf("db", true));
  EXPECT_THAT(Advice(), ElementsAre("a.yaml:2: Endpoints default/db is not used, because Service default/db has a "
                                    "selector, so its endpoints are those of EndpointSlices: write one, or take the "
                                    "selector out of the Service"));
  Put("c.yaml", Slice("s", "db"));
  EXPECT_EQ(Advice().size(), 1u) << "written by hand, beside a slice";
  Put("b.yaml", ServiceOf("db", false));
  EXPECT_THAT(Advice(), IsEmpty());
  set_.Remove("b.yaml");
  set_.Remove("c.yaml");
  EXPECT_THAT(Advice(), ElementsAre(no_service));
  set_.Remove("a.yaml");
  EXPECT_THAT(Advice(), IsEmpty());
}

TEST_F(ManifestSetUnusedTest, NothingIsSaidOfWhatIsLeftOutAsInACluster) {
  Put("a.yaml",
      "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: leader, annotations: "
      "{control-plane.alpha.kubernetes.io/leader: x}}\nsubsets: [{addresses: [{ip: 192.0.2.1}]}]\n");
  EXPECT_THAT(Advice(), IsEmpty()) << "a leader election's";
  Put("a.yaml", Endpoints("db", {}));
  EXPECT_THAT(Advice(), IsEmpty()) << "without an address";
  // As `kubectl get services,endpoints,endpointslices -o yaml` writes them.
  const std::string copy =
      "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: db, uid: u}\n"
      "subsets: [{addresses: [{ip: 192.0.2.1}]}]\n";
  Put("a.yaml", ServiceOf("db", true) + copy + Slice("s", "db"));
  EXPECT_THAT(Advice(), IsEmpty()) << "an API server's copy of what the slices say";
  Put("a.yaml", ServiceOf("db", true) + copy);
  EXPECT_EQ(Advice().size(), 1u) << "without the slices, nothing says it";
}

TEST_F(ManifestSetUnusedTest, AFilesWarningsAreBounded) {
  std::string text;
  for (size_t i = 0; i < kManifestErrorsMax + 7; ++i) text += Slice(absl::StrCat("s", i), nullptr);
  Put("a.yaml", text);
  const std::vector<std::string> advice = Advice();
  ASSERT_EQ(advice.size(), kManifestErrorsMax + 1);
  EXPECT_THAT(advice.front(), testing::StartsWith("a.yaml:2: EndpointSlice default/s0 "));
  EXPECT_THAT(advice.back(), testing::EndsWith(": and 7 more objects that are not used from here on"));
}

TEST_F(ManifestSetEndpointsTest, GivenTwiceAreReported) {
  Put("a.yaml", ServiceOf("db", false) + Endpoints("db", {"192.0.2.1"}) + Endpoints("db", {"192.0.2.2"}));
  EXPECT_THAT(SliceChanges(), ElementsAre("+endpoints/db/0=192.0.2.1"));
  EXPECT_THAT(Problems(), ElementsAre("a.yaml:13: Endpoints default/db is given twice: the one on line 7 is used, this "
                                      "one is ignored"));
}

}  // namespace
}  // namespace shunt::sources

// service/cluster/openapi.json and the routing table are one list. What passes over each route is
// held against the document by every other test (tests/cluster/openapi.h).

#include "tests/cluster/openapi.h"

#include <gtest/gtest.h>

#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

std::string operation_of(const api::Route& route) {
  return std::string(http::to_string(route.method)) + " " + route.pattern;
}

TEST(OpenApiDocument, ListsExactlyTheRoutesThatThereAre) {
  TestCluster cluster;
  std::set<std::string> routes;
  for (const api::Route& route : cluster.cluster->application().routes()) {
    EXPECT_TRUE(routes.insert(operation_of(route)).second)
        << operation_of(route) << " stands twice";
  }
  EXPECT_EQ(routes, openapi().operations());
}

TEST(OpenApiDocument, NamesTheCredentialThatEachRouteWants) {
  TestCluster cluster;
  for (const api::Route& route : cluster.cluster->application().routes()) {
    std::string want;
    if (route.auth == api::Auth::kPerson || route.auth == api::Auth::kProvider) want = "person";
    if (route.auth == api::Auth::kDevice) want = "device";
    if (route.auth == api::Auth::kReader) want = "device or recovery";
    if (route.auth == api::Auth::kRecovery) want = "recovery";
    EXPECT_EQ(openapi().security_of(operation_of(route)), want) << operation_of(route);
  }
}

}  // namespace
}  // namespace obhut::cluster::test

// Who may hold a session for long, and what is left to others.

#include "service/endpoint/session_places.h"

#include <list>

#include <gtest/gtest.h>

namespace obhut::endpoint {
namespace {

using enum Audience;
using Place = SessionPlaces::Place;

TEST(SessionPlacesTest, LeavesPlacesToOtherUsers) {
  SessionPlaces places;
  const Place first(places, kAnybody, "anna");
  const Place second(places, kAnybody, "anna");

  EXPECT_TRUE(first.granted() && second.granted());
  EXPECT_FALSE(Place(places, kAnybody, "anna").granted());
  EXPECT_TRUE(Place(places, kAnybody, "bert").granted());
}

TEST(SessionPlacesTest, LeavesPlacesToAdministratorsWhateverUsersHold) {
  SessionPlaces places;
  std::list<Place> held;
  for (const char* user : {"anna", "bert", "carl", "dora"})
    held.emplace_back(places, kAnybody, user);

  EXPECT_FALSE(Place(places, kAnybody, "emil").granted());
  EXPECT_TRUE(Place(places, kAdministrator, "root").granted());
}

TEST(SessionPlacesTest, LeavesPlacesToRequestsWhateverAdministratorsHold) {
  SessionPlaces places;
  std::list<Place> held;
  for (unsigned i = 0; i < SessionPlaces::kMostOfAdministrators; ++i) {
    EXPECT_TRUE(held.emplace_back(places, kAdministrator, "root").granted());
  }

  EXPECT_FALSE(Place(places, kAdministrator, "root").granted());
  EXPECT_TRUE(Place(places, kAnybody, "anna").granted());
}

TEST(SessionPlacesTest, GivesAPlaceThatIsLeftToTheNext) {
  SessionPlaces places;
  const Place stays(places, kAnybody, "anna");
  {
    const Place goes(places, kAnybody, "anna");
    EXPECT_FALSE(Place(places, kAnybody, "anna").granted())
        << "and one that was refused gives none";
  }

  EXPECT_TRUE(Place(places, kAnybody, "anna").granted());
}

}  // namespace
}  // namespace obhut::endpoint

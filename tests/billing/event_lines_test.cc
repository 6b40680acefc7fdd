#include "service/billing/event_lines.h"

#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/billing/line_store.h"

namespace obhut::billing {
namespace {

std::string line(std::size_t number, std::string_view vault) {
  return R"({"id":"e)" + std::to_string(number) +
         R"(","type":"storage.level","at":"2026-03-01T00:00:00Z","customer":"c","vault":")" +
         std::string(vault) + R"(","location":"local","bytes":)" + std::to_string(number) + "}\n";
}

struct Read {
  std::vector<std::string> ids;
  std::vector<std::string> objects;
  std::vector<std::uint64_t> positions;
  std::size_t blocks = 0;
  std::string fault;
};

Read read(const std::string& text) {
  Read all;
  std::istringstream stream(text);
  EXPECT_TRUE(read_event_lines(stream, [&](const EventBlock& block) -> Result<void> {
    ++all.blocks;
    for (const EventLine& event : block.lines) {
      all.ids.emplace_back(event.event.id);
      all.objects.emplace_back(event.event.object);
      all.positions.push_back(event.position);
    }
    if (block.fault) all.fault = block.fault->message;
    return {};
  }));
  return all;
}

TEST(EventLines, AreAllGivenInTheirOrderAcrossBlocks) {
  std::string text;
  std::vector<std::uint64_t> positions;
  std::size_t number = 0;
  // Lengths that fit no block evenly: every block ends within a line.
  for (; text.size() < 5 * kMaxLine; ++number) {
    positions.push_back(text.size());
    text += line(number, std::string(1 + number % 977, 'v'));
  }
  text.pop_back();  // the last line has no end

  const Read all = read(text);

  ASSERT_EQ(all.ids.size(), number);
  EXPECT_EQ(all.positions, positions);
  EXPECT_GT(all.blocks, 2U);
  for (std::size_t i = 0; i < number; ++i) {
    ASSERT_EQ(all.ids[i], "e" + std::to_string(i));
    ASSERT_EQ(all.objects[i].size(), 1 + i % 977);
  }
}

// What has an escape does not stand in the text as it is meant, and must outlive its line.
TEST(EventLines, KeepNamesThatHadToBeDecoded) {
  const Read all =
      read(line(1, "a\\u0041") + line(2, "b\\\"") + line(3, "c") + line(4, "\xc3\xa4"));

  EXPECT_THAT(all.objects, testing::ElementsAre("aA", "b\"", "c", "\xc3\xa4"));
  EXPECT_THAT(all.ids, testing::ElementsAre("e1", "e2", "e3", "e4"));
}

TEST(EventLines, EndAtTheFirstThatIsNoEvent) {
  const Read all = read(line(1, "a") + "{}\n" + line(2, "b"));

  EXPECT_THAT(all.ids, testing::ElementsAre("e1"));
  EXPECT_EQ(all.fault, "field \"id\": is missing");
}

TEST(EventLines, RefuseALineThatNeverEnds) {
  const std::string endless = line(1, "a") + line(2, std::string(3 * kMaxLine, 'v'));

  const Read all = read(endless);

  EXPECT_THAT(all.ids, testing::ElementsAre("e1"));
  EXPECT_EQ(all.fault, "is too long");
}

TEST(EventLines, OfNothingAreNone) {
  EXPECT_EQ(read("").blocks, 0U);
}

TEST(EventLines, AreReadNoFurtherThanTheyAreTaken) {
  std::string text;
  while (text.size() < 20 * kMaxLine) text += line(text.size(), "v");
  std::istringstream stream(text);

  const Result<void> ended = read_event_lines(
      stream, [](const EventBlock&) { return fail(ErrorKind::kInvalidInput, "enough"); });

  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "enough");
  EXPECT_LT(stream.tellg(), static_cast<std::streamoff>(10 * kMaxLine));
}

}  // namespace
}  // namespace obhut::billing

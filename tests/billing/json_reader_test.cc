// Our reader against a well-known one on what is JSON, and what it alone keeps.

#include "service/billing/json_reader.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace obhut::billing {
namespace {

bool accepts(std::string_view text) {
  return parse_json(text).has_value();
}

std::string canonical(std::string_view text) {
  const Result<JsonValue> value = parse_json(text);
  return value ? canonical_json(*value) : value.error().message;
}

TEST(JsonReader, AgreesWithAnotherReaderOnWhatIsJson) {
  const std::string texts[] = {"",
                               " ",
                               "1",
                               "-1",
                               "-",
                               "01",
                               "1.",
                               ".1",
                               "1.5",
                               "1e5",
                               "1e+5",
                               "1E-5",
                               "1e",
                               "1e+",
                               "--1",
                               "+1",
                               "0",
                               "-0",
                               "00",
                               "0.0",
                               "true",
                               "false",
                               "null",
                               "tru",
                               "nulll",
                               "True",
                               "\"\"",
                               "\"a\"",
                               "\"a",
                               "a\"",
                               "\"\\n\"",
                               "\"\\x\"",
                               "\"\\u0041\"",
                               "\"\\u004\"",
                               "\"\\u00g1\"",
                               "\"\\ud83d\\ude00\"",
                               "\"\\ud83d\"",
                               "\"\\ude00\"",
                               "\"\\ud83d\\n\"",
                               "\"\\ud83d\\u0041\"",
                               "\"\t\"",
                               "\"\x7f\"",
                               "\"\xC3\xA4\"",
                               "\"\xC3\"",
                               "\"\xC0\x80\"",
                               "\"\xED\xA0\x80\"",
                               "\"\xF4\x90\x80\x80\"",
                               "[]",
                               "[1]",
                               "[1,]",
                               "[,1]",
                               "[1 2]",
                               "[[[[]]]]",
                               "[",
                               "]",
                               "{}",
                               "{\"a\":1}",
                               "{\"a\"}",
                               "{\"a\":}",
                               "{\"a\":1,}",
                               "{a:1}",
                               "{\"a\":1 \"b\":2}",
                               "{,}",
                               "{1:2}",
                               " { \"a\" : [ 1 , { } ] } ",
                               "{}{}",
                               "{} x",
                               "\n\r\t 1",
                               "\f1",
                               "1 2",
                               "'a'",
                               "// c\n1",
                               "[1,2,3",
                               "\"\\\"",
                               "\"\\/\"",
                               "\"\\b\\f\\r\\t\\\\\"",
                               "[true,false,null]",
                               "nan",
                               "1_0"};
  for (const std::string& text : texts) {
    EXPECT_EQ(accepts(text), nlohmann::json::accept(text)) << text;
  }
}

TEST(JsonReader, DecodesStringsLikeAnotherReader) {
  for (const char* text : {R"("a\n\t\"\\\/\b\f\r")", R"("\u00e4\u20ac\ud83d\ude00\u0000x")",
                           "\"\xC3\xA4\xE2\x82\xAC\""}) {
    EXPECT_EQ(parse_json(text).value().text, nlohmann::json::parse(text).get<std::string>())
        << text;
  }
}

TEST(JsonReader, KeepsTheSpellingOfNumbers) {
  EXPECT_EQ(canonical("[1, 1.0, 1e2, -0, 12345678901234567890123]"),
            "[1,1.0,1e2,-0,12345678901234567890123]");
  EXPECT_EQ(canonical("1e999"), "1e999");
}

TEST(JsonReader, SortsMembersInCanonicalText) {
  EXPECT_EQ(canonical(R"({"b":{"y":1,"x":[null,true,false]},"a":"\u0041\n"})"),
            R"({"a":"A\u000a","b":{"x":[null,true,false],"y":1}})");
}

TEST(JsonReader, RefusesRepeatedNamesAndDeepNesting) {
  EXPECT_EQ(canonical(R"({"a":1,"b":{"c":1,"c":2}})"), "field \"c\": appears twice");
  EXPECT_EQ(canonical(std::string(64, '[') + std::string(64, ']')).size(), 128u);
  EXPECT_EQ(canonical(std::string(65, '[') + std::string(65, ']')), "nested deeper than 64 levels");
  EXPECT_EQ(canonical(std::string(1'000'000, '[')), "nested deeper than 64 levels");
}

TEST(ObjectReader, ReadsPlainAndUnusualObjectsAlike) {
  ObjectReader plain;
  ObjectReader unusual;
  const auto fast = plain.read(R"({"id":"a","n":-1.5e3, "z":""})");
  const auto slow = unusual.read(R"({"\u0069d":"\u0061","n":-1.5e3,"z":""})");
  ASSERT_TRUE(fast);
  ASSERT_TRUE(slow);
  EXPECT_TRUE(std::ranges::equal(*fast, *slow));
}

TEST(ObjectReader, RefusesWhatIsNoObject) {
  ObjectReader reader;
  for (const char* text : {"", "{", "[]", "{\"a\":1}}", "{\"a\":1}x", "{\"a\":01}", "{\"a\":1,}",
                           "{\"a\":1,\"a\":1}", "{\"a\" 1}", "{\"a\":\"b}", "{\"a\":tru}"}) {
    EXPECT_FALSE(reader.read(text)) << text;
  }
  EXPECT_TRUE(reader.read("{}"));
  EXPECT_TRUE(reader.read(" {\t\"a\" : 1 } \r"));
}

TEST(JsonInteger, IsPlain) {
  EXPECT_EQ(json_integer("0").value, 0u);
  EXPECT_EQ(json_integer("18446744073709551615").value, 18446744073709551615u);
  EXPECT_EQ(json_integer("18446744073709551616").fault, JsonInteger::Fault::kTooLarge);
  EXPECT_EQ(json_integer("-1").fault, JsonInteger::Fault::kNotAnInteger);
  EXPECT_EQ(json_integer("1e999999999999999999999").fault, JsonInteger::Fault::kNotAnInteger);
}

}  // namespace
}  // namespace obhut::billing

#include "agent/base/text.h"

#include <gtest/gtest.h>

#include "agent/base/escapes.h"
#include "agent/base/percent.h"

namespace obhut {
namespace {

// RFC 4648, section 10.
TEST(Text, AgreesWithTheRfc) {
  struct Vector {
    const char* plain;
    const char* base64;
    const char* base32;
  };
  for (const auto& [plain, base64, base32] :
       {Vector{"", "", ""}, Vector{"f", "Zg==", "MY"}, Vector{"fo", "Zm8=", "MZXQ"},
        Vector{"foo", "Zm9v", "MZXW6"}, Vector{"foob", "Zm9vYg==", "MZXW6YQ"},
        Vector{"fooba", "Zm9vYmE=", "MZXW6YTB"}, Vector{"foobar", "Zm9vYmFy", "MZXW6YTBOI"}}) {
    EXPECT_EQ(to_base64(as_bytes(plain)), base64);
    EXPECT_EQ(to_base32(as_bytes(plain)), base32);
    EXPECT_EQ(from_base64(base64), to_bytes(as_bytes(plain)));
    EXPECT_EQ(from_base32(base32), to_bytes(as_bytes(plain)));
    std::string url(base64);
    std::erase(url, '=');
    EXPECT_EQ(to_base64url(as_bytes(plain)), url);
    EXPECT_EQ(from_base64url(url), to_bytes(as_bytes(plain)));
  }
}

TEST(Text, RefusesASecondSpelling) {
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
  EXPECT_FALSE(from_base64url("Zh"));    // stray bits
  EXPECT_FALSE(from_base64url("Zg=="));  // padding
  EXPECT_FALSE(from_base64url("Z"));
  EXPECT_FALSE(from_base64url("Zm9v\n"));
  EXPECT_FALSE(from_base64url("+/"));
  EXPECT_FALSE(from_base64("Zg="));
  EXPECT_FALSE(from_base64("Zg"));
  EXPECT_FALSE(from_base64("Zh=="));
  EXPECT_FALSE(from_base32("MZ"));
  EXPECT_FALSE(from_base32("M1"));
}

TEST(Text, ReadsHexInEitherCase) {
  EXPECT_EQ(from_hex("00fF"), (Bytes{0, 255}));
  EXPECT_EQ(to_hex(Bytes{0, 255}), "00ff");
}

TEST(Utf8, IsToldFromOtherBytes) {
  for (const std::string_view good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const std::string_view bad : {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                                     "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\x80"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Printable, KeepsTextAndShowsTheRest) {
  EXPECT_EQ(printable("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(printable("a\nb"), "a\\x0ab");
  EXPECT_EQ(printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("C:\\x"), "C:\\\\x");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Printable, HasAWayBack) {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  for (const std::string& text : {std::string(), every, every + every, std::string("\\x41"),
                                  std::string("C:\\new\\x"), std::string("caf\xc3\xa9 \xff")}) {
    EXPECT_EQ(from_printable(printable(text)), text);
  }
  for (const char* never : {"\\", "a\\b", "\\x", "\\x4", "\\xzz", "\\\\\\"}) {
    EXPECT_FALSE(from_printable(never)) << never;
  }
}

TEST(Percent, IsDecoded) {
  EXPECT_EQ(percent_decode("a%20b%C3%bc+c", PlusSign::kItself), "a b\xc3\xbc+c");
  EXPECT_EQ(percent_decode("a+b%2B", PlusSign::kSpace), "a b+");
  for (const char* never : {"%", "%4", "%zz", "a%2"}) {
    EXPECT_FALSE(percent_decode(never, PlusSign::kItself)) << never;
  }
}

}  // namespace
}  // namespace obhut

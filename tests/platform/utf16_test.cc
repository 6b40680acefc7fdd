#include "platform/utf16.h"

#include <gtest/gtest.h>

namespace obhut::platform {
namespace {

TEST(Utf16, GoesThereAndBackForWhatIsUnicode) {
  for (const std::string_view text : {"", "plain", "\xc3\xa4\xc3\xb6\xc3\xbc", "\xe2\x82\xac",
                                      "\xf0\x9f\x92\xbe", "a\xc3\xa4z"}) {
    const auto units = utf16_of(text);
    ASSERT_TRUE(units) << text;
    EXPECT_EQ(wtf8_of(*units), text);
  }
  EXPECT_EQ(*utf16_of("\xf0\x9f\x92\xbe"), u"\U0001F4BE");
}

TEST(Utf16, GoesThereAndBackForEveryLoneSurrogate) {
  for (char32_t unit = 0xD800; unit <= 0xDFFF; ++unit) {
    const std::u16string name = {u'a', static_cast<char16_t>(unit), u'z'};
    const std::string text = wtf8_of(name);
    ASSERT_EQ(text.size(), 5U);
    EXPECT_EQ(utf16_of(text), name);
  }
  // High and low the wrong way round are two of them.
  const std::u16string swapped = {0xDCBE, 0xD83D};
  EXPECT_EQ(utf16_of(wtf8_of(swapped)), swapped);
}

TEST(Utf16, HasOneSpellingForEachName) {
  // A pair of surrogates spelled as two is not how wtf8_of() writes that character.
  EXPECT_FALSE(utf16_of("\xed\xa0\xbd\xed\xb2\xbe"));
  // Longer than need be, cut short, beyond Unicode, not begun.
  for (const std::string_view bad : {"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xc3",
                                     "\xe2\x82", "\xf4\x90\x80\x80", "\x80", "\xff"}) {
    EXPECT_FALSE(utf16_of(bad)) << static_cast<int>(bad[0]);
  }
}

}  // namespace
}  // namespace obhut::platform

// A recovery sheet is read again as it was written, and as people type it.

#include "tools/cli/recovery_sheet.h"

#include <gtest/gtest.h>

namespace obhut::cli {
namespace {

const std::string kPin(64, 'a');

class RecoverySheetTest : public testing::Test {
 protected:
  SystemClock clock;
  vault::RecoveryKey key = vault::RecoveryKey::generate();
  std::string vault_line = "vault: https://backup.example:8443#" + kPin + "\n";

  std::string written(Language language) {
    const Context context{.clock = clock, .language = language, .stop = {}, .log = Log::silent()};
    return sheet_text(context,
                      {{"https://backup.example:8443", *Sha256::parse(kPin)},
                       vault::RecoveryKey(key.secret().view())},
                      "desk 7", Instant{});
  }
};

TEST_F(RecoverySheetTest, IsReadAsItWasWrittenInEveryLanguage) {
  for (const Language language : {Language::kEnglish, Language::kGerman}) {
    const std::string text = written(language);
    EXPECT_NE(text.find("desk 7"), text.npos);
    EXPECT_NE(text.find("1970-01-01"), text.npos);
    const Result<RecoverySheet> sheet = parse_sheet(text);
    ASSERT_TRUE(sheet) << sheet.error().message;
    EXPECT_EQ(sheet->place.url, "https://backup.example:8443");
    EXPECT_EQ(sheet->place.ca_pin.text(), kPin);
    EXPECT_EQ(sheet->key.text(), key.text());
  }
}

TEST_F(RecoverySheetTest, IsReadAsPeopleTypeIt) {
  std::string typed = key.text();
  for (char& c : typed) c = c == '-' ? ' ' : static_cast<char>(std::tolower(c));
  const Result<RecoverySheet> sheet = parse_sheet("  " + vault_line + "\tkey:" + typed + "  \r\n");
  ASSERT_TRUE(sheet) << sheet.error().message;
  EXPECT_EQ(sheet->key.text(), key.text());
}

TEST_F(RecoverySheetTest, IsRefusedWithWhatIsWrong) {
  const std::string key_line = "key: " + key.text() + "\n";
  for (const std::string& text :
       {std::string(), vault_line, key_line, "vault: /media/disk\n" + key_line,
        "vault: https://#" + kPin + "\n" + key_line,
        "vault: http://backup.example#" + kPin + "\n" + key_line,
        "vault: https://backup.example/#" + kPin + "\n" + key_line,
        "vault: https://backup.example#" + kPin.substr(1) + "\n" + key_line,
        vault_line + "key: " + key.text().substr(1) + "\n", vault_line + "key:\n"}) {
    const Result<RecoverySheet> sheet = parse_sheet(text);
    ASSERT_FALSE(sheet) << text;
    EXPECT_EQ(sheet.error().kind, ErrorKind::kInvalidInput);
    EXPECT_EQ(sheet.error().message.find(key.text().substr(0, 9)), std::string::npos)
        << "a secret in a message";
  }
}

}  // namespace
}  // namespace obhut::cli

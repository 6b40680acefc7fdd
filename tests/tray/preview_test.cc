#include "tools/tray/preview.h"

#include <gtest/gtest.h>

namespace obhut::tray {
namespace {

std::string big32(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
  return out;
}

std::string png(std::uint32_t width, std::uint32_t height) {
  return "\x89PNG\r\n\x1A\n" + big32(13) + "IHDR" + big32(width) + big32(height) + "\x08\x02";
}

std::optional<ShownText> text_of(std::string_view content, bool whole = true) {
  return shown_text(as_bytes(content), whole);
}

TEST(Preview, TellsPicturesByWhatTheyHold) {
  const auto shown = picture_in(as_bytes(png(640, 480)));
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->type, "image/png");
  EXPECT_EQ(shown->width, 640U);
  EXPECT_EQ(shown->height, 480U);

  const std::string gif("GIF89a\x40\x01\xF0\x00", 10);
  ASSERT_TRUE(picture_in(as_bytes(gif)));
  EXPECT_EQ(picture_in(as_bytes(gif))->width, 320U);

  // A comment of 4 bytes stands before the frame.
  const std::string jpeg("\xFF\xD8\xFF\xFE\x00\x06okok\xFF\xC0\x00\x11\x08\x01\x00\x02\x00\x03",
                         20);
  ASSERT_TRUE(picture_in(as_bytes(jpeg)));
  EXPECT_EQ(picture_in(as_bytes(jpeg))->width, 512U);
  EXPECT_EQ(picture_in(as_bytes(jpeg))->height, 256U);

  const std::string webp = std::string("RIFF\x10\x00\x00\x00WEBPVP8X", 16) + std::string(8, '\0') +
                           std::string("\x3F\x01\x00\xC7\x00\x00", 6);
  ASSERT_TRUE(picture_in(as_bytes(webp)));
  EXPECT_EQ(picture_in(as_bytes(webp))->width, 320U);
  EXPECT_EQ(picture_in(as_bytes(webp))->height, 200U);
}

TEST(Preview, ShowsNoPictureThatWouldFillTheMemory) {
  EXPECT_FALSE(picture_in(as_bytes(png(100'000, 100'000)))->may_be_shown());
  EXPECT_FALSE(picture_in(as_bytes(png(0xFFFFFFFF, 0xFFFFFFFF)))->may_be_shown());
  EXPECT_FALSE(picture_in(as_bytes(png(0, 10))));
  EXPECT_TRUE(picture_in(as_bytes(png(10'000, 6'000)))->may_be_shown());
  EXPECT_FALSE(picture_in(as_bytes(png(10'000, 6'001)))->may_be_shown());
}

TEST(Preview, TakesNoBeginningOfAPictureForOne) {
  const std::string whole = png(640, 480);
  for (std::size_t size = 0; size < 24; ++size) {
    EXPECT_FALSE(picture_in(as_bytes(std::string_view(whole).substr(0, size)))) << size;
  }
  const std::string endless = "\xFF\xD8" + std::string(100'000, '\xFF');
  EXPECT_FALSE(picture_in(as_bytes(endless)));
  EXPECT_FALSE(picture_in(as_bytes("<svg xmlns='http://www.w3.org/2000/svg'/>")));
}

TEST(Preview, ShowsTextInWhateverItIsWritten) {
  EXPECT_EQ(text_of("Grüße")->text, "Grüße");
  EXPECT_EQ(text_of("\xEF\xBB\xBF"
                    "Grüße")
                ->text,
            "Grüße");
  EXPECT_EQ(text_of("Gr\xFC\xDF"
                    "e")
                ->text,
            "Grüße");
  EXPECT_EQ(text_of("Gr\xFC\xDF"
                    "e")
                ->encoding,
            "iso-8859-1");
  EXPECT_EQ(text_of(std::string_view("\xFF\xFEG\x00r\x00\xFC\x00", 8))->text, "Grü");
  EXPECT_EQ(text_of(std::string_view("\xFE\xFF\x00G\xD8\x3D\xDE\x00", 8))->text, "G😀");
  EXPECT_EQ(text_of("")->text, "");
}

TEST(Preview, ShowsNoProgramAsText) {
  EXPECT_FALSE(
      text_of(std::string_view("\x7F"
                               "ELF\x02\x01\x01\x00",
                               8)));
  EXPECT_FALSE(text_of(std::string_view("a\0b", 3)));
}

TEST(Preview, LeavesOutTheHalfOfACharacterAtACut) {
  for (const std::string_view cut : {"Gr\xC3", "Gr\xE2\x82", "Gr\xF0\x9F\x98"}) {
    const auto shown = text_of(cut, /*whole=*/false);
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->text, "Gr");
    EXPECT_EQ(shown->encoding, "utf-8");
  }
  EXPECT_EQ(text_of("Grü", false)->text, "Grü");
}

}  // namespace
}  // namespace obhut::tray

#include "agent/trust/jws.h"

#include <array>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/trust/people.h"

namespace obhut::trust {
namespace {

using nlohmann::json;

const crypto::SigningKey& anna() {
  static const crypto::SigningKey kKey = key_of(2);
  return kKey;
}
const crypto::SigningKey& bert() {
  static const crypto::SigningKey kKey = key_of(3);
  return kKey;
}

std::string by_both(std::string_view payload) {
  const std::array signers = {&anna(), &bert()};
  return sign_document(signers, kEnvelopeType, payload);
}

std::string encode(std::string_view text) {
  return to_base64url(as_bytes(text));
}

/// A document with whatever header, signed properly over it.
std::string with_header(const std::string& header, std::string_view payload) {
  const std::string input = encode(header) + "." + encode(payload);
  return input + "." + to_base64url(anna().sign(as_bytes(input)));
}

std::string good_header() {
  return R"({"alg":"EdDSA","typ":"obhut.token+jws","kid":")" + anna().public_key().text() + R"("})";
}

TEST(Jws, OpensWhatWasSignedAndNamesTheSigners) {
  const Result<SignedPayload> opened = open_document(by_both("hello"), kEnvelopeType);

  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->payload, "hello");
  EXPECT_EQ(opened->signers, (std::vector{anna().public_key(), bert().public_key()}));
  EXPECT_EQ(open_compact(sign_compact(anna(), kTokenType, "x"), kTokenType)->payload, "x");
  EXPECT_EQ(claimed_type(by_both("x")).value(), kEnvelopeType);
  EXPECT_EQ(claimed_type(sign_compact(anna(), kTokenType, "x")).value(), kTokenType);
}

TEST(Jws, TakesTheHeaderMembersInAnyOrder) {
  const std::string header =
      R"({ "kid":")" + anna().public_key().text() + R"(", "typ":"obhut.token+jws","alg":"EdDSA"})";

  EXPECT_TRUE(open_compact(with_header(header, "x"), kTokenType));
}

TEST(Jws, RefusesHeadersThatChooseTheirOwnRules) {
  const std::string kid = anna().public_key().text();
  const std::string cases[] = {
      R"({"alg":"none","typ":"obhut.token+jws","kid":")" + kid + R"("})",
      R"({"alg":"HS256","typ":"obhut.token+jws","kid":")" + kid + R"("})",
      R"({"alg":"eddsa","typ":"obhut.token+jws","kid":")" + kid + R"("})",
      R"({"alg":"EdDSA","alg":"EdDSA","typ":"obhut.token+jws","kid":")" + kid + R"("})",
      R"({"alg":"EdDSA","typ":"obhut.receipt+jws","kid":")" + kid + R"("})",
      R"({"alg":"EdDSA","typ":"obhut.token+jws"})",
      R"({"alg":"EdDSA","typ":"obhut.token+jws","kid":"zz"})",
      R"({"alg":"EdDSA","typ":"obhut.token+jws","kid":")" + kid + R"(","crit":["x"]})",
      R"({"alg":"EdDSA","typ":"obhut.token+jws","kid":")" + kid + R"(","jwk":{}})",
      R"({"alg":["EdDSA"],"typ":"obhut.token+jws","kid":")" + kid + R"("})",
      R"([])",
      R"()",
  };
  ASSERT_TRUE(open_compact(with_header(good_header(), "x"), kTokenType));

  for (const std::string& header : cases) {
    EXPECT_FALSE(open_compact(with_header(header, "x"), kTokenType)) << header;
  }
}

// The attacker strips the signature and says that none is needed.
TEST(Jws, RefusesAlgNoneWithAnEmptySignature) {
  const std::string header =
      R"({"alg":"none","typ":"obhut.token+jws","kid":")" + anna().public_key().text() + R"("})";
  const std::string text = encode(header) + "." + encode("x") + ".";

  const Result<SignedPayload> opened = open_compact(text, kTokenType);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCrypto);
}

TEST(Jws, RefusesASwappedPayload) {
  json document = json::parse(by_both("original"));
  document["payload"] = encode("swapped!");
  EXPECT_EQ(open_document(document.dump(), kEnvelopeType).error().kind, ErrorKind::kCrypto);

  std::string compact = sign_compact(anna(), kTokenType, "original");
  const std::size_t first = compact.find('.');
  const std::size_t second = compact.rfind('.');
  compact.replace(first + 1, second - first - 1, encode("swapped!"));
  EXPECT_EQ(open_compact(compact, kTokenType).error().kind, ErrorKind::kCrypto);
}

// A good second signature must not carry a bad first one.
TEST(Jws, RefusesADocumentWithOneBadSignature) {
  json document = json::parse(by_both("x"));
  document["signatures"][0]["signature"] = document["signatures"][1]["signature"];

  EXPECT_EQ(open_document(document.dump(), kEnvelopeType).error().kind, ErrorKind::kCrypto);
}

TEST(Jws, RefusesTwoSignaturesByOneKey) {
  const std::array signers = {&anna(), &anna()};

  const Result<SignedPayload> opened =
      open_document(sign_document(signers, kEnvelopeType, "x"), kEnvelopeType);

  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("signed twice by one key"), std::string::npos);
}

TEST(Jws, RefusesADocumentSignedAsAnotherKind) {
  const std::array signers = {&anna()};
  const std::string document = sign_document(signers, kTrustListType, "x");

  EXPECT_EQ(open_document(document, kEnvelopeType).error().kind, ErrorKind::kInvalidInput);
  EXPECT_FALSE(open_compact(sign_compact(anna(), kReceiptType, "x"), kAssertionType));
}

TEST(Jws, RefusesADocumentWithoutSignatures) {
  json document = json::parse(by_both("x"));
  document["signatures"] = json::array();
  EXPECT_EQ(open_document(document.dump(), kEnvelopeType).error().kind, ErrorKind::kRefused);
  document.erase("signatures");
  EXPECT_EQ(open_document(document.dump(), kEnvelopeType).error().kind, ErrorKind::kRefused);
}

TEST(Jws, RefusesOtherShapes) {
  const json good = json::parse(by_both("x"));
  const auto spoiled = [&](const auto& change) {
    json copy = good;
    change(copy);
    return copy.dump();
  };
  std::string twice = good.dump();
  twice.insert(1, R"("payload":"QQ",)");
  const std::string cases[] = {
      "",
      "{}x",
      "null",
      "[]",
      twice,
      spoiled([](json& d) { d["header"] = "x"; }),
      spoiled([](json& d) { d["payload"] = 5; }),
      spoiled([](json& d) { d["payload"] = d["payload"].get<std::string>() + "="; }),
      spoiled([](json& d) { d["signatures"] = "x"; }),
      spoiled([](json& d) { d["signatures"][0]["header"] = json::object(); }),
      spoiled([](json& d) { d["signatures"][0].erase("protected"); }),
      spoiled([](json& d) { d["signatures"][0]["signature"] = ""; }),
      spoiled([](json& d) {
        for (int i = 0; i < 5; ++i) d["signatures"].push_back(d["signatures"][0]);
      }),
      std::string(kDocumentLimit + 1, ' '),
      std::string(200'000, '['),
  };

  for (const std::string& text : cases) {
    EXPECT_FALSE(open_document(text, kEnvelopeType)) << text.substr(0, 80);
  }
  for (const char* text : {"", ".", "..", "a.b", "a.b.c.d", "....", "\xff.\xff.\xff"}) {
    EXPECT_FALSE(open_compact(text, kTokenType)) << text;
    EXPECT_FALSE(claimed_type(text)) << text;
  }
}

// Any single byte changed: refused, and nothing thrown. The seed stands in the failure.
TEST(Jws, RefusesEveryDocumentThatWasTamperedWith) {
  constexpr unsigned kSeed = 20260601;
  std::mt19937 random(kSeed);
  const std::string good = by_both(R"({"schema":"obhut.envelope/1"})");
  const std::string compact = sign_compact(anna(), kTokenType, "payload");

  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 2 == 0 ? good : compact;
    const std::size_t place = random() % text.size();
    const char before = text[place];
    text[place] = static_cast<char>(random());
    if (text[place] == before) continue;
    const bool opened = round % 2 == 0 ? open_document(text, kEnvelopeType).has_value()
                                       : open_compact(text, kTokenType).has_value();
    EXPECT_FALSE(opened) << "seed " << kSeed << " round " << round << " at " << place;
  }
}

}  // namespace
}  // namespace obhut::trust

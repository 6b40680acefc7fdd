#include "agent/trust/escrow.h"

#include <gtest/gtest.h>

#include "agent/trust/device_id.h"
#include "agent/trust/jws.h"
#include "tests/trust/people.h"

namespace obhut::trust {
namespace {

class EscrowTest : public testing::Test {
 protected:
  EscrowTest() {
    request_.device = device_id_of(device_.public_key());
    request_.partner = id_of<PartnerId>(0xA0);
    request_.vault = id_of<VaultId>(0xBA);
    request_.key = id_of<crypto::ExchangeKeyId>(0xEC);
    request_.created = at("2026-06-01T12:00:00Z");
    request_.slots = {Bytes(200, 1)};
  }
  ErrorKind refusal(std::string_view text) {
    const Result<SignedEscrowRequest> read = read_escrow_request(text);
    EXPECT_FALSE(read);
    return read ? ErrorKind::kInternal : read.error().kind;
  }
  crypto::SigningKey device_ = key_of(9);
  EscrowRequest request_;
};

TEST_F(EscrowTest, ARequestReadsBackAndKeepsItsHashInAnyFile) {
  const std::string text = make_escrow_request(request_, device_);

  const Result<SignedEscrowRequest> read = read_escrow_request(text);
  const Result<SignedEscrowRequest> from_file = read_escrow_request(" " + text + "\r\n");

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->request.device, request_.device);
  EXPECT_EQ(read->request.vault, request_.vault);
  EXPECT_EQ(read->request.key, request_.key);
  EXPECT_EQ(read->request.slots, request_.slots);
  ASSERT_TRUE(from_file);
  EXPECT_EQ(from_file->hash, read->hash);
}

TEST_F(EscrowTest, ARequestInAnotherDevicesNameIsRefused) {
  EXPECT_EQ(refusal(make_escrow_request(request_, key_of(10))), ErrorKind::kRefused);
}

TEST_F(EscrowTest, ARequestThatWasChangedIsRefused) {
  std::string text = make_escrow_request(request_, device_);
  const std::size_t middle = text.find('.') + 30;
  text[middle] = text[middle] == 'A' ? 'B' : 'A';

  EXPECT_EQ(refusal(text), ErrorKind::kCrypto);
}

TEST_F(EscrowTest, ARequestHoldsOneToSixteenSlotsOfSensibleSize) {
  request_.slots.clear();
  EXPECT_EQ(refusal(make_escrow_request(request_, device_)), ErrorKind::kInvalidInput);
  request_.slots.assign(17, Bytes(200, 1));
  EXPECT_EQ(refusal(make_escrow_request(request_, device_)), ErrorKind::kInvalidInput);
  request_.slots.assign(1, Bytes((std::size_t{64} << 10U) + 1, 1));
  EXPECT_EQ(refusal(make_escrow_request(request_, device_)), ErrorKind::kInvalidInput);
  request_.slots.assign(16, Bytes(200, 1));
  EXPECT_TRUE(read_escrow_request(make_escrow_request(request_, device_)));
}

TEST_F(EscrowTest, UnknownMembersAndOtherDocumentsAreRefused) {
  std::string payload =
      open_compact(make_escrow_request(request_, device_), kEscrowRequestType)->payload;
  payload.insert(1, R"("more":1,)");
  EXPECT_EQ(refusal(sign_compact(device_, kEscrowRequestType, payload)), ErrorKind::kInvalidInput);
  for (const char* text : {"", "a.b.c", "{}"}) EXPECT_EQ(refusal(text), ErrorKind::kInvalidInput);
  EXPECT_FALSE(read_escrow_answer(R"({"schema":"obhut.escrow-answer/1"})"));
  EXPECT_FALSE(read_escrow_answer(R"({"schema":"obhut.plan/1","request":"","sealed":""})"));
  const std::string hash(64, '5');
  EXPECT_FALSE(read_escrow_answer(R"({"schema":"obhut.escrow-answer/1","request":")" + hash +
                                  R"(","sealed":""})"));
}

TEST_F(EscrowTest, TheFingerprintFollowsEveryBitOfTheRequest) {
  const auto print = [&] {
    return fingerprint_of(read_escrow_request(make_escrow_request(request_, device_))->hash);
  };
  const std::string before = print();
  EXPECT_EQ(before.size(), 19U);
  request_.key = id_of<crypto::ExchangeKeyId>(0xED);  // the key of somebody in between
  EXPECT_NE(print(), before);
}

TEST_F(EscrowTest, TheSealIsBoundToDeviceVaultAndRequest) {
  const auto context = [](std::uint8_t device, std::uint8_t vault, std::uint8_t request) {
    return escrow_answer_context(id_of<DeviceId>(device), id_of<VaultId>(vault),
                                 id_of<Sha256>(request));
  };
  EXPECT_NE(context(1, 2, 3), context(2, 2, 3));
  EXPECT_NE(context(1, 2, 3), context(1, 3, 3));
  EXPECT_NE(context(1, 2, 3), context(1, 2, 4));
}

}  // namespace
}  // namespace obhut::trust

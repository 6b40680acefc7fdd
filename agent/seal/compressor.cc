#include "agent/seal/compressor.h"

#include <algorithm>

#include <zstd.h>

#include "agent/base/check.h"

namespace obhut::seal {
namespace {

struct ZstdFree {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

struct Compressor::State {
  std::unique_ptr<ZSTD_CCtx, ZstdFree> compressing{ZSTD_createCCtx()};
  std::unique_ptr<ZSTD_DCtx, ZstdFree> expanding{ZSTD_createDCtx()};
  int level = kDefaultLevel;
};

Compressor::Compressor(int level) : state_(std::make_unique<State>()) {
  CHECK(state_->compressing != nullptr && state_->expanding != nullptr);
  set_level(level);
}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

void Compressor::set_level(int level) {
  CHECK(level >= 1 && level <= 3);
  state_->level = level;
}

std::size_t Compressor::compress(ByteView plain, MutableByteView out) {
  if (plain.empty()) return 0;
  const std::size_t worth_it = plain.size() - plain.size() / 32 - 1;
  const std::size_t room = std::min(out.size(), worth_it);
  const std::size_t length = ZSTD_compressCCtx(state_->compressing.get(), out.data(), room,
                                               plain.data(), plain.size(), state_->level);
  // The one failure that input can cause is that the frame does not fit.
  return ZSTD_isError(length) != 0 ? 0 : length;
}

Result<void> Compressor::expand(ByteView frame, MutableByteView out) {
  const std::size_t length = ZSTD_decompressDCtx(state_->expanding.get(), out.data(), out.size(),
                                                 frame.data(), frame.size());
  if (ZSTD_isError(length) != 0) {
    return fail(ErrorKind::kCorrupt, std::string("zstd: ") + ZSTD_getErrorName(length));
  }
  if (length != out.size()) return fail(ErrorKind::kCorrupt, "zstd: frame holds less than stated");
  return {};
}

}  // namespace obhut::seal

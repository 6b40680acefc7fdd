#include "tools/tray/icon_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

namespace obhut::tray {
namespace {

// Everything is drawn in a square of edge 1, from the top left, and counted out in samples.

constexpr int kSamples = 5;  // a pixel, each way

struct Point {
  double x;
  double y;
};

struct Stroke {
  Point from;
  Point to;
};

constexpr double kThickness = 0.055;  // half of it

constexpr std::uint32_t colour_of(Look look) {
  switch (look) {
    case Look::kProtected:
      return 0x2B8A3E;
    case Look::kRunning:
      return 0x1C7ED6;
    case Look::kAttention:
      return 0xE03131;
    case Look::kTrialEnding:
      return 0xE67700;
    default:
      return 0x6C757D;
  }
}

std::span<const Stroke> strokes_of(Look look) {
  static constexpr std::array kCheck{Stroke{{0.31, 0.47}, {0.45, 0.61}},
                                     Stroke{{0.45, 0.61}, {0.70, 0.34}}};
  static constexpr std::array kArrow{Stroke{{0.50, 0.66}, {0.50, 0.30}},
                                     Stroke{{0.36, 0.44}, {0.50, 0.30}},
                                     Stroke{{0.64, 0.44}, {0.50, 0.30}}};
  static constexpr std::array kBars{Stroke{{0.41, 0.32}, {0.41, 0.62}},
                                    Stroke{{0.59, 0.32}, {0.59, 0.62}}};
  static constexpr std::array kMark{Stroke{{0.50, 0.26}, {0.50, 0.51}},
                                    Stroke{{0.50, 0.665}, {0.50, 0.67}}};
  static constexpr std::array kCross{Stroke{{0.37, 0.34}, {0.63, 0.60}},
                                     Stroke{{0.63, 0.34}, {0.37, 0.60}}};
  static constexpr std::array kHands{Stroke{{0.50, 0.47}, {0.50, 0.28}},
                                     Stroke{{0.50, 0.47}, {0.62, 0.56}}};
  static constexpr std::array kDots{Stroke{{0.33, 0.47}, {0.33, 0.475}},
                                    Stroke{{0.50, 0.47}, {0.50, 0.475}},
                                    Stroke{{0.67, 0.47}, {0.67, 0.475}}};
  switch (look) {
    case Look::kProtected:
      return kCheck;
    case Look::kRunning:
      return kArrow;
    case Look::kPaused:
      return kBars;
    case Look::kAttention:
      return kMark;
    case Look::kTrialEnding:
      return kHands;
    case Look::kNotSetUp:
      return kDots;
    default:
      return kCross;
  }
}

bool in_shield(Point at) {
  constexpr double kTop = 0.05;
  constexpr double kShoulder = 0.50;  // where it begins to narrow
  constexpr double kTip = 0.96;
  constexpr double kWidth = 0.40;  // half of it
  if (at.y < kTop || at.y > kTip) return false;
  double half = kWidth;
  if (at.y > kShoulder) {
    const double down = (at.y - kShoulder) / (kTip - kShoulder);
    half = kWidth * std::sqrt(1 - down * down);
  }
  return std::abs(at.x - 0.5) <= half;
}

double distance(Point at, const Stroke& stroke) {
  const double dx = stroke.to.x - stroke.from.x;
  const double dy = stroke.to.y - stroke.from.y;
  const double along =
      ((at.x - stroke.from.x) * dx + (at.y - stroke.from.y) * dy) / (dx * dx + dy * dy);
  const double clamped = std::clamp(along, 0.0, 1.0);
  return std::hypot(at.x - stroke.from.x - clamped * dx, at.y - stroke.from.y - clamped * dy);
}

/// A ring around the sign, filled clockwise from the top as far as the backup is.
bool in_progress_ring(Point at, unsigned percent) {
  const double x = at.x - 0.5;
  const double y = at.y - 0.47;
  const double radius = std::hypot(x, y);
  if (radius < 0.27 || radius > 0.33) return false;
  double turn = std::atan2(x, -y) / (2 * std::numbers::pi);
  if (turn < 0) turn += 1;
  return turn * 100 < percent;
}

}  // namespace

platform::Pixels icon_picture(Look look, std::optional<unsigned> percent, int size) {
  platform::Pixels picture{size, {}};
  picture.argb.reserve(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  const std::uint32_t colour = colour_of(look);
  const std::span<const Stroke> strokes = strokes_of(look);
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size; ++column) {
      unsigned shield = 0;
      unsigned sign = 0;
      for (int sample = 0; sample < kSamples * kSamples; ++sample) {
        const int across = sample % kSamples;
        const int down = sample / kSamples;
        const Point at{(column + (static_cast<double>(across) + 0.5) / kSamples) / size,
                       (row + (static_cast<double>(down) + 0.5) / kSamples) / size};
        if (!in_shield(at)) continue;
        ++shield;
        const bool drawn =
            std::ranges::any_of(
                strokes, [&](const Stroke& stroke) { return distance(at, stroke) < kThickness; }) ||
            (percent && in_progress_ring(at, *percent));
        if (drawn) ++sign;
      }
      constexpr unsigned kAll = kSamples * kSamples;
      const std::uint32_t alpha = shield * 255 / kAll;
      std::uint32_t pixel = alpha << 24U;
      for (const unsigned shift : {16U, 8U, 0U}) {
        const std::uint32_t base = colour >> shift & 0xFFU;
        const std::uint32_t mixed = shield == 0 ? base : base + (255 - base) * sign / shield;
        pixel |= mixed << shift;
      }
      picture.argb.push_back(pixel);
    }
  }
  return picture;
}

}  // namespace obhut::tray

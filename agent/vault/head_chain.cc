#include "agent/vault/head_chain.h"

#include <algorithm>
#include <set>

#include "agent/base/text.h"

namespace obhut::vault {
namespace {

using Kind = ChainFault::Kind;

std::string named(const Point& point) {
  return "point " + point.id.text().substr(0, 16) + " (number " +
         std::to_string(point.head.sequence) + ")";
}

/// The heads from `point` back to the nearest full one; the last is not full where one is missing.
std::vector<const Point*> way_back(const HeadChain& chain, const Point& point) {
  std::vector<const Point*> way{&point};
  while (!way.back()->head.full) {
    const Point* before = chain.find(way.back()->head.previous);
    if (before == nullptr || before->head.sequence + 1 != way.back()->head.sequence) break;
    way.push_back(before);
  }
  return way;
}

void find_faults(HeadChain& chain) {
  const std::vector<Point>& points = chain.points;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    const auto fault = [&](Kind kind, std::string_view what) {
      chain.faults.push_back({kind, point.id, named(point) + ": " + std::string(what)});
    };
    if (i > 0 && points[i - 1].head.sequence == point.head.sequence) {
      fault(Kind::kFork, "another point has the same number: two machines wrote to this vault");
    }
    const bool has_one_before = std::ranges::any_of(
        points, [&](const Point& other) { return other.head.sequence + 1 == point.head.sequence; });
    const Point* before = chain.find(point.head.previous);
    const bool misplaced = before != nullptr && before->head.sequence + 1 != point.head.sequence;
    if (misplaced || (has_one_before && before == nullptr)) {
      fault(Kind::kBroken, "does not follow the point before it");
    }
    if (!way_back(chain, point).back()->head.full) {
      fault(Kind::kUnresolvable, "a point that it builds upon is missing");
    }
  }
}

}  // namespace

const Point* HeadChain::latest() const {
  const auto at = std::find_if(points.rbegin(), points.rend(),
                               [](const Point& point) { return !point.dropped; });
  return at == points.rend() ? nullptr : &*at;
}

const Point* HeadChain::tip() const {
  return points.empty() ? nullptr : &points.back();
}

std::vector<const Point*> HeadChain::kept() const {
  std::vector<const Point*> kept;
  for (const Point& point : points) {
    if (!point.dropped) kept.push_back(&point);
  }
  return kept;
}

const Point* HeadChain::find(const Sha256& id) const {
  const auto at = std::ranges::find(points, id, &Point::id);
  return at == points.end() ? nullptr : &*at;
}

Result<const Point*> HeadChain::find_by_text(std::string_view text) const {
  if (text == "latest") {
    const Point* point = latest();
    if (point == nullptr) return fail(ErrorKind::kNotFound, "point latest: the vault has none yet");
    return point;
  }
  const std::string shown = "point " + printable(text.substr(0, 80));
  const bool hex = std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!hex || text.size() < 4 || text.size() > 64) {
    return fail(ErrorKind::kInvalidInput,
                shown + ": name it by the first 4 to 64 hex digits of its id, or `latest`");
  }
  const Point* found = nullptr;
  for (const Point* point : kept()) {
    if (!point->id.text().starts_with(text)) continue;
    if (found != nullptr) {
      return fail(ErrorKind::kInvalidInput, shown + ": several ids begin so; give more digits");
    }
    found = point;
  }
  if (found == nullptr) return fail(ErrorKind::kNotFound, shown + ": the vault has no such point");
  return found;
}

HeadChain link_heads(std::vector<Point> points) {
  HeadChain chain;
  chain.points = std::move(points);
  std::ranges::sort(chain.points, [](const Point& a, const Point& b) {
    return std::tie(a.head.sequence, a.id) < std::tie(b.head.sequence, b.id);
  });
  find_faults(chain);
  return chain;
}

Result<const model::ReferenceSet*> ReferenceWalk::at(const Point& point) {
  std::vector<const Point*> way = way_back(chain_, point);
  if (!way.back()->head.full) {
    return fail(ErrorKind::kCorrupt, named(point) + ": a point that it builds upon is missing");
  }
  // Where the walk stands on the way already, it goes on from there.
  const auto reached = std::ranges::find_if(
      way, [&](const Point* step) { return reached_ && step->id == *reached_; });
  way.erase(reached, way.end());
  for (auto step = way.rbegin(); step != way.rend(); ++step) {
    reached_.reset();
    if (Result<void> done = model::apply_head((*step)->head, references_); !done) {
      return pass_on(std::move(done.error()), named(point));
    }
  }
  reached_ = point.id;
  return &references_;
}

std::vector<Sha256> heads_needed(const HeadChain& chain) {
  std::set<Sha256> needed;
  const auto need = [&](const Point& point) {
    for (const Point* step : way_back(chain, point)) needed.insert(step->id);
  };
  for (const Point* point : chain.kept()) need(*point);
  // The tip stays even if dropped: the next head must follow it.
  if (const Point* tip = chain.tip()) need(*tip);
  return {needed.begin(), needed.end()};
}

}  // namespace obhut::vault

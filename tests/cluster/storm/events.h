#pragma once
// A partner's half year, made up from a seed, and an order in which it might arrive.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace obhut::cluster::storm {

inline constexpr std::size_t kCustomers = 200;
/// Complete months of the events, in Berlin.
inline constexpr const char* kMonths[] = {"2025-01", "2025-02", "2025-03",
                                          "2025-04", "2025-05", "2025-06"};
/// Covers all that the events use.
extern const std::string_view kPrices;

/// Lines of JSON without their ends, each event once, its instant anywhere in the half year. The
/// first kCustomers create a customer each, so that any set with these can be rated.
std::vector<std::string> make_events(std::size_t count, std::uint64_t seed);

/// Transactions of 1 to 64 events, as indexes into `count` events. Three in ten of those come once
/// more, at any later time; most arrive out of their order by up to a tenth of all, some anywhere.
/// Creations of customers are among the first third.
std::vector<std::vector<std::uint32_t>> make_batches(std::size_t count, std::uint64_t seed);

}  // namespace obhut::cluster::storm

// A token inside the package that a customer installs, so that one file is all that is handed out.

#include <charconv>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/trust/token.h"
#include "tools/sign/answer.h"
#include "tools/sign/commands.h"

namespace obhut::sign {
namespace {

constexpr std::size_t kMaxPackage = std::size_t{1} << 30;
constexpr std::size_t kMaxToken = std::size_t{2} << 20;

// deb(5) is an archive of ar(5): members behind a header of 60 bytes, each beginning at an even
// offset. dpkg leaves alone what begins with an underscore.
constexpr std::string_view kMagic = "!<arch>\n";
constexpr std::string_view kFirst = "debian-binary";
constexpr std::string_view kMember = "_obhut.token";
constexpr std::size_t kHeader = 60;
constexpr std::size_t kSizeAt = 48;
constexpr std::size_t kSizeLength = 10;

std::size_t even(std::size_t size) {
  return size + size % 2;
}

/// Where the package ends, not counting a token that was put in before.
/// Errors: kInvalidInput for what is no Debian package.
Result<std::size_t> end_of_package(std::string_view package) {
  const auto wrong = [] { return fail(ErrorKind::kInvalidInput, "is no Debian package"); };
  if (!package.starts_with(kMagic)) return wrong();
  std::size_t at = kMagic.size();
  if (!package.substr(at).starts_with(kFirst)) return wrong();
  while (at < package.size()) {
    const std::string_view header = package.substr(at, kHeader);
    if (header.size() < kHeader || !header.ends_with("`\n")) return wrong();
    if (header.starts_with(kMember)) return at;
    std::size_t size = 0;
    const char* digits = header.data() + kSizeAt;
    if (std::from_chars(digits, digits + kSizeLength, size).ec != std::errc()) return wrong();
    if (size > package.size() - at - kHeader) return wrong();
    at = even(at + kHeader + size);
  }
  return at;
}

std::string header_of(std::string_view name, std::size_t size) {
  const auto field = [](std::string text, std::size_t width) {
    text.resize(width, ' ');
    return text;
  };
  return field(std::string(name), 16) + field("0", 12) + field("0", 6) + field("0", 6) +
         field("100600", 8) + field(std::to_string(size), kSizeLength) + "`\n";
}

}  // namespace

Result<Answer> package(const Context& context, const PackageOptions& options) {
  ASSIGN_OR_RETURN(const std::string token, read_input(options.token, kMaxToken));
  auto read = trust::read_token(token, context.now);
  if (!read) return pass_on(std::move(read.error()), options.token);
  ASSIGN_OR_RETURN(std::string package, read_input(options.package, kMaxPackage));
  Result<std::size_t> end = end_of_package(package);
  if (!end) return pass_on(std::move(end.error()), options.package);
  package.resize(*end, '\n');
  package += header_of(kMember, token.size()) + token;
  package.resize(even(package.size()), '\n');
  TRY(write_output(options.out, package, /*secret=*/true));
  const std::string customer = read->token.customer.text();
  const std::string expires = format_time(read->token.expires);
  return answer(
      {{"package", options.out}, {"customer", customer}, {"expires", expires}},
      printable(options.out) + ": enrols for customer " + customer + " until " + expires + "\n");
}

}  // namespace obhut::sign

#include "tools/cli/recovery_sheet.h"

#include <algorithm>
#include <optional>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "tools/cli/input.h"

namespace obhut::cli {

namespace {

constexpr std::size_t kMostSheet = std::size_t{16} << 10U;
constexpr std::string_view kVaultLine = "vault:";
constexpr std::string_view kKeyLine = "key:";

// Two lines are read again, so their words are the same in every language.
constexpr Message kSheet{
    "OBHUT RECOVERY SHEET\n"
    "\n"
    "Whoever has this sheet can read every file of this device's backup. Keep it on paper or on a\n"
    "USB stick, away from the device, together with the program obhut-recovery.\n"
    "\n"
    "device: {}\n"
    "made:   {}\n"
    "vault:  {}\n"
    "key:    {}\n"
    "\n"
    "When the device is lost, on any Linux machine, with this file named sheet.txt:\n"
    "\n"
    "  ./obhut-recovery points  --sheet sheet.txt\n"
    "  ./obhut-recovery ls      --sheet sheet.txt latest\n"
    "  ./obhut-recovery find    --sheet sheet.txt '*.docx'\n"
    "  ./obhut-recovery restore --sheet sheet.txt latest --to FOLDER\n"
    "\n"
    "The device and its provider are not needed for it; the network is.\n",
    "OBHUT-WIEDERHERSTELLUNGSBLATT\n"
    "\n"
    "Wer dieses Blatt hat, kann jede Datei aus der Sicherung dieses Geräts lesen. Es gehört auf\n"
    "Papier oder einen USB-Stick, fern vom Gerät, zusammen mit dem Programm obhut-recovery.\n"
    "\n"
    "device: {}\n"
    "made:   {}\n"
    "vault:  {}\n"
    "key:    {}\n"
    "\n"
    "Wenn das Gerät verloren ist, auf irgendeinem Linux-Rechner, mit dieser Datei als sheet.txt:\n"
    "\n"
    "  ./obhut-recovery points  --sheet sheet.txt\n"
    "  ./obhut-recovery ls      --sheet sheet.txt latest\n"
    "  ./obhut-recovery find    --sheet sheet.txt '*.docx'\n"
    "  ./obhut-recovery restore --sheet sheet.txt latest --to ORDNER\n"
    "\n"
    "Gerät und Anbieter braucht es dafür nicht; das Netz schon.\n"};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

/// What stands behind `word` on the line that begins with it.
std::optional<std::string_view> line_of(std::string_view text, std::string_view word) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(word)) return trimmed(line.substr(word.size()));
  }
  return std::nullopt;
}

}  // namespace

std::string sheet_text(const Context& context, const RecoverySheet& sheet, std::string_view device,
                       Instant made) {
  return context.say(kSheet, {printable(device), format_time(made).substr(0, 10),
                              place_text(sheet.place), sheet.key.text()});
}

Result<RecoverySheet> parse_sheet(std::string_view text) {
  const auto vault = line_of(text, kVaultLine);
  const auto key = line_of(text, kKeyLine);
  if (!vault || !key) {
    return fail(ErrorKind::kInvalidInput,
                "no recovery sheet: it has a line that begins with \"vault:\" and one with "
                "\"key:\"");
  }
  ASSIGN_OR_RETURN(ClusterPlace place, parse_cluster_place(*vault));
  ASSIGN_OR_RETURN(vault::RecoveryKey recovery, vault::RecoveryKey::parse(*key));
  return RecoverySheet{std::move(place), std::move(recovery)};
}

Result<RecoverySheet> read_sheet(const std::string& file) {
  ASSIGN_OR_RETURN(Bytes content, read_named_file(file, kMostSheet));
  Result<RecoverySheet> sheet = parse_sheet(as_text(content));
  crypto::wipe(content);
  if (!sheet) return pass_on(std::move(sheet).error(), "recovery sheet " + printable(file));
  return sheet;
}

}  // namespace obhut::cli

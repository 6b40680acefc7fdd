#include "tools/tray/mounts.h"

#include "agent/base/text.h"
#include "platform/desktop.h"
#include "platform/local_files.h"
#include "tools/tray/own_program.h"

namespace obhut::tray {
namespace {

constexpr std::size_t kNamed = 12;  // of a point's id

bool is_id(const std::string& point) {
  return from_hex(point).has_value() && point.size() >= kNamed;
}

}  // namespace

Mounts::~Mounts() {
  for (const auto& [point, folder] : folders_) {
    // ignored: one that was ended by hand is no mount any more
    (void)run_obhut({"unmount", folder});
    (void)platform::remove_file(folder);
  }
}

bool Mounts::possible() {
  return platform::can_mount() && !platform::session_folder().empty();
}

Answer<std::string> Mounts::open(const std::string& location, const std::string& point) {
  if (!possible()) {
    return std::unexpected(Refusal(400, "invalid-input", "this machine cannot show a point so"));
  }
  if (!is_id(point)) return std::unexpected(Refusal(400, "invalid-input", "point: want an id"));
  const std::scoped_lock lock(mutex_);
  std::string& folder = folders_[{location, point}];
  // Ended by hand meanwhile, it has nothing in it.
  const bool stands =
      !folder.empty() &&
      !platform::list_directory(folder).value_or(std::vector<std::string>()).empty();
  if (!stands) {
    folder = platform::join(platform::session_folder(), "obhut/" + std::to_string(folders_.size()) +
                                                            "-" + point.substr(0, kNamed));
    TRY(platform::make_directories(folder));
    ASSIGN_OR_RETURN(const platform::Outcome done,
                     run_obhut({"mount", folder, "--target", location, "--point", point,
                                "--background", "--socket", daemon_.socket()}));
    if (done.exit_code != 0) {
      const std::string why = printable(done.error_output);
      folders_.erase({location, point});
      return std::unexpected(Refusal(500, "internal", why));
    }
  }
  // ignored: the page names the folder too, whatever the desktop can show
  (void)platform::show(folder);
  return printable(folder);
}

}  // namespace obhut::tray

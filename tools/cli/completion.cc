#include "tools/cli/completion.h"

#include <algorithm>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/cli/context.h"

namespace obhut::cli {
namespace {

struct Word {
  std::string text;
  std::string help;
};

/// What may follow one sequence of commands.
struct Place {
  std::vector<std::string> path;  ///< "vault", "backup"; empty for the program itself
  std::vector<Word> commands;
  std::vector<Word> options;
};

/// The first sentence, on one line: there is no room for more.
std::string short_help(std::string text) {
  text = text.substr(0, text.find('\n'));
  if (const auto end = text.find(". "); end != std::string::npos) text.resize(end);
  return text;
}

void add_options(const CLI::App& app, std::vector<Word>& options) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      options.push_back({"--" + name, short_help(option->get_description())});
    }
    for (const std::string& name : option->get_snames()) {
      options.push_back({"-" + name, short_help(option->get_description())});
    }
  }
}

void add_places(const CLI::App& app, const std::vector<std::string>& path,
                std::vector<Place>& places) {
  Place place{path, {}, {}};
  add_options(app, place.options);
  std::vector<const CLI::App*> shown;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;  // left out of the help
    shown.push_back(command);
    place.commands.push_back({command->get_name(), short_help(command->get_description())});
  }
  places.push_back(std::move(place));
  for (const CLI::App* command : shown) {
    std::vector<std::string> below = path;
    below.push_back(command->get_name());
    add_places(*command, below, places);
  }
}

/// In single quotes: nothing in it means anything to a shell.
std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string words_of(const std::vector<Word>& words) {
  std::string out;
  for (const Word& word : words) out += (out.empty() ? "" : " ") + word.text;
  return out;
}

/// Goes along the words so far and remembers those that are commands: options and their values
/// stand between them.
constexpr std::string_view kBashHead = R"(_obhut() {
  local current=${COMP_WORDS[COMP_CWORD]} path='' commands options word i
  COMPREPLY=()
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    commands='' options=''
    case $path in
)";
constexpr std::string_view kBashTail = R"(    esac
    if ((i < COMP_CWORD)) && [[ $word && " $commands " == *" $word "* ]]; then path="${path:+$path }$word"; fi
  done
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ $commands ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  fi
}
complete -o default -F _obhut obhut
)";

std::string bash_script(const std::vector<Place>& places) {
  std::string script(kBashHead);
  for (const Place& place : places) {
    script += "      " + literal(joined(place.path)) +
              ") commands=" + literal(words_of(place.commands)) +
              " options=" + literal(words_of(place.options)) + " ;;\n";
  }
  script += kBashTail;
  return script;
}

constexpr std::string_view kZshHead = R"(#compdef obhut
_obhut() {
  local place='' word
  local -a commands options
  integer i
  for ((i = 2; i <= CURRENT; i++)); do
    word=${words[i]}
    commands=() options=()
    case $place in
)";
constexpr std::string_view kZshTail = R"(    esac
    if ((i < CURRENT)) && [[ -n $word && -n ${(M)commands:#$word:*} ]]; then place="${place:+$place }$word"; fi
  done
  if [[ ${words[CURRENT]} == -* ]]; then
    _describe -o option options
  elif ((${#commands})); then
    _describe command commands
  else
    _files
  fi
}
_obhut "$@"
)";

/// What _describe takes: name and help with a colon between, which names must not hold.
std::string described(const std::vector<Word>& words) {
  std::string out;
  for (const Word& word : words) {
    std::string help = word.help;
    std::ranges::replace(help, ':', ';');
    out += (out.empty() ? "" : " ") + literal(word.text + ":" + help);
  }
  return out;
}

std::string zsh_script(const std::vector<Place>& places) {
  std::string script(kZshHead);
  for (const Place& place : places) {
    script += "      " + literal(joined(place.path)) + ") commands=(" + described(place.commands) +
              ") options=(" + described(place.options) + ") ;;\n";
  }
  script += kZshTail;
  return script;
}

constexpr std::string_view kFishHead = R"(function __obhut_at
  set -l path
  set -l words (commandline -opc)
  for word in $words[2..]
    string match -q -- '-*' $word; and continue
    contains -- "$path $word" $__obhut_places; and set path "$path $word"
  end
  test "$path" = "$argv[1]"
end
)";

std::string fish_script(const std::vector<Place>& places) {
  std::string script(kFishHead);
  script += "set -g __obhut_places";
  for (const Place& place : places) {
    if (!place.path.empty()) script += " " + literal(" " + joined(place.path));
  }
  script += "\n";
  for (const Place& place : places) {
    const std::string at = place.path.empty() ? "" : " " + joined(place.path);
    const std::string when = " -n " + literal("__obhut_at \"" + at + "\"");
    for (const Word& word : place.commands) {
      script +=
          "complete -c obhut -f" + when + " -a " + word.text + " -d " + literal(word.help) + "\n";
    }
    for (const Word& word : place.options) {
      const bool is_long = word.text.starts_with("--");
      script += "complete -c obhut" + when + (is_long ? " -l " : " -s ") +
                word.text.substr(is_long ? 2 : 1) + " -d " + literal(word.help) + "\n";
    }
  }
  return script;
}

constexpr Message kCompletion{"print completions for a shell", "Vervollständigungen ausgeben"};

}  // namespace

std::optional<Shell> parse_shell(std::string_view text) {
  if (text == "bash") return Shell::kBash;
  if (text == "zsh") return Shell::kZsh;
  if (text == "fish") return Shell::kFish;
  return std::nullopt;
}

std::string completion_script(const CLI::App& app, Shell shell) {
  std::vector<Place> places;
  add_places(app, {}, places);
  switch (shell) {
    case Shell::kBash:
      return bash_script(places);
    case Shell::kZsh:
      return zsh_script(places);
    case Shell::kFish:
      break;
  }
  return fish_script(places);
}

void add_completion_command(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("completion", context.say(kCompletion));
  command->group("");  // left out of the help
  command
      ->add_option_function<std::string>(
          "shell",
          [&app](const std::string& word) { print(completion_script(app, *parse_shell(word))); })
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace obhut::cli

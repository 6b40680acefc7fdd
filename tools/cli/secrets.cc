#include "tools/cli/secrets.h"

#include <cstdio>

#include "platform/terminal.h"
#include "tools/cli/input.h"

namespace obhut::cli {
namespace {

constexpr std::size_t kMostKeyText = 4096;

constexpr Message kAsk{"Passphrase or recovery key: ",
                       "Passphrase oder Wiederherstellungsschlüssel: "};
constexpr Message kAskNew{"New passphrase: ", "Neue Passphrase: "};
constexpr Message kAskAgain{"Once more: ", "Noch einmal: "};
constexpr Message kNoTerminal{
    "no key: name a file with --key-file (there is no terminal to ask on)",
    "kein Schlüssel: --key-file nennt die Datei dafür (es gibt kein Terminal, um zu fragen)"};
constexpr Message kNotAPassphrase{"this is a recovery key, not a passphrase",
                                  "das ist ein Wiederherstellungsschlüssel, keine Passphrase"};
constexpr Message kDiffer{"the two passphrases differ", "die beiden Passphrasen sind verschieden"};

Result<vault::KeySource> from_text(std::string text) {
  Result<vault::KeySource> source = vault::key_source_from_file_text(text);
  crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return source;
}

Result<std::string> read_standard_input() {
  std::string text(kMostKeyText + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stdin));
  return text;
}

Result<std::string> text_of_file(const std::string& path) {
  if (path == "-") return read_standard_input();
  Result<Bytes> content = read_named_file(path, kMostKeyText);
  if (!content) return pass_on(std::move(content.error()), "key file " + path);
  std::string text(as_text(*content));
  crypto::wipe(*content);
  return text;
}

Result<vault::KeySource> from_file(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, text_of_file(path));
  Result<vault::KeySource> source = from_text(std::move(text));
  if (!source && path != "-") return pass_on(std::move(source).error(), "key file " + path);
  return source;
}

Result<std::string> text_from_person(const Context& context) {
  if (!platform::is_terminal(platform::Stream::kInput)) {
    return fail(ErrorKind::kInvalidInput, context.say(kNoTerminal));
  }
  return platform::ask_secret(context.say(kAsk));
}

}  // namespace

Result<vault::KeySource> read_key(const Context& context, const std::string& key_file) {
  if (!key_file.empty()) return from_file(key_file);
  ASSIGN_OR_RETURN(std::string text, text_from_person(context));
  return from_text(std::move(text));
}

Result<crypto::SecretBytes> read_key_text(const Context& context, const std::string& key_file) {
  ASSIGN_OR_RETURN(std::string text,
                   key_file.empty() ? text_from_person(context) : text_of_file(key_file));
  crypto::SecretBytes copy{as_bytes(text)};
  const Result<vault::KeySource> checked = from_text(std::move(text));
  if (checked) return copy;
  Error problem = checked.error();
  if (!key_file.empty() && key_file != "-") {
    problem = std::move(problem).within("key file " + key_file);
  }
  return std::unexpected(std::move(problem));
}

Result<vault::KeySource> read_new_key(const Context& context, const std::string& key_file) {
  if (!key_file.empty()) return from_file(key_file);
  if (!platform::is_terminal(platform::Stream::kInput)) {
    return fail(ErrorKind::kInvalidInput, context.say(kNoTerminal));
  }
  ASSIGN_OR_RETURN(std::string first, platform::ask_secret(context.say(kAskNew)));
  ASSIGN_OR_RETURN(std::string second, platform::ask_secret(context.say(kAskAgain)));
  const bool same = first == second;
  crypto::wipe({reinterpret_cast<std::uint8_t*>(second.data()), second.size()});
  if (!same) return fail(ErrorKind::kInvalidInput, context.say(kDiffer));
  return from_text(std::move(first));
}

Result<vault::Passphrase> read_new_passphrase(const Context& context, const std::string& key_file) {
  ASSIGN_OR_RETURN(vault::KeySource key, read_new_key(context, key_file));
  auto* passphrase = std::get_if<vault::Passphrase>(&key);
  if (passphrase != nullptr) return std::move(*passphrase);
  return fail(ErrorKind::kInvalidInput,
              key_file.empty() ? context.say(kNotAPassphrase)
                               : "key file " + key_file + ": " + context.say(kNotAPassphrase));
}

}  // namespace obhut::cli

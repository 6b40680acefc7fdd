// key list, add-passphrase, add-recovery, remove, show-recovery, confirm.

#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "tools/cli/command.h"
#include "tools/cli/format.h"
#include "tools/cli/secrets.h"
#include "tools/cli/vault_commands.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr Message kKeyHelp{"the keys that open a vault", "die Schlüssel eines Tresors"};

// ---- list

constexpr Message kListHelp{"list the key slots", "die Schlüsselfächer auflisten"};

json json_of(const vault::StoredSlot& slot) {
  return {{"id", slot.header.id.text()},
          {"type", std::string(vault::to_string(slot.header.type))},
          {"created", format_time(slot.header.created)}};
}

Result<void> run_list(Context& context, const VaultArguments& arguments) {
  ASSIGN_OR_RETURN(const VaultSession session, open_vault(context, arguments, store::Use::kRead));
  ASSIGN_OR_RETURN(const std::vector<vault::StoredSlot> slots, session.vault->slots(context.stop));
  json out = json::array();
  Table table({Table::Align::kLeft, Table::Align::kLeft, Table::Align::kLeft});
  for (const vault::StoredSlot& slot : slots) {
    out.push_back(json_of(slot));
    table.row({slot.header.id.text().substr(0, 16), std::string(vault::to_string(slot.header.type)),
               human_time(slot.header.created)});
  }
  print(context.json ? out.dump() + "\n" : table.text());
  return {};
}

// ---- add-passphrase

constexpr Message kAddPassphraseHelp{"add a passphrase", "eine Passphrase hinzufügen"};
constexpr Message kNewFileHelp{"file with the new passphrase", "Datei mit der neuen Passphrase"};
constexpr Message kAdded{"Key slot {} was added.\n", "Schlüsselfach {} wurde angelegt.\n"};

struct AddArguments {
  VaultArguments vault;
  std::string file;  ///< of the new passphrase, or for the new recovery key
};

void tell_added(Context& context, const vault::StoredSlot& slot) {
  print(context.json ? json_of(slot).dump() + "\n"
                     : context.say(kAdded, {slot.header.id.text().substr(0, 16)}));
}

Result<void> run_add_passphrase(Context& context, const AddArguments& arguments) {
  ASSIGN_OR_RETURN(const VaultSession session,
                   open_vault(context, arguments.vault, store::Use::kWrite));
  ASSIGN_OR_RETURN(vault::Passphrase passphrase, read_new_passphrase(context, arguments.file));
  ASSIGN_OR_RETURN(
      const vault::StoredSlot slot,
      session.vault->add_slot(std::move(passphrase), context.clock.now(), context.stop));
  tell_added(context, slot);
  return {};
}

// ---- remove

constexpr Message kRemoveHelp{"remove a key slot", "ein Schlüsselfach entfernen"};
constexpr Message kSlotHelp{"id of the slot, or its beginning (see \"obhut vault key list\")",
                            "Kennung des Fachs oder ihr Anfang (siehe „obhut vault key list“)"};
constexpr Message kNoSuchSlot{"{}: the vault has no such key slot",
                              "{}: kein solches Schlüsselfach im Tresor"};
constexpr Message kManySlots{"{}: several key slots begin so", "{}: mehrere Fächer beginnen so"};
constexpr Message kRemoved{"Key slot {} was removed.\n", "Schlüsselfach {} wurde entfernt.\n"};

struct RemoveArguments {
  VaultArguments vault;
  std::string slot;
};

Result<vault::StoredSlot> slot_named(Context& context, vault::Vault& vault,
                                     const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<vault::StoredSlot> slots, vault.slots(context.stop));
  std::vector<vault::StoredSlot> found;
  for (const vault::StoredSlot& slot : slots) {
    if (!name.empty() && slot.header.id.text().starts_with(name)) found.push_back(slot);
  }
  if (found.size() == 1) return found.front();
  return fail(ErrorKind::kInvalidInput,
              context.say(found.empty() ? kNoSuchSlot : kManySlots, {printable(name)}));
}

Result<void> run_remove(Context& context, const RemoveArguments& arguments) {
  ASSIGN_OR_RETURN(const auto store, store::LocalStore::open(arguments.vault.vault));
  ASSIGN_OR_RETURN(const vault::KeySource key, read_key(context, arguments.vault.key_file));
  ASSIGN_OR_RETURN(const auto lock, store->lock(store::Use::kReap));
  ASSIGN_OR_RETURN(const auto vault, vault::Vault::open(*store, key, context.stop));
  ASSIGN_OR_RETURN(const vault::StoredSlot slot, slot_named(context, *vault, arguments.slot));
  TRY(vault->remove_slot(*store, slot.object, key, context.stop));
  print(context.json ? json_of(slot).dump() + "\n"
                     : context.say(kRemoved, {slot.header.id.text().substr(0, 16)}));
  return {};
}

// ---- recovery keys

constexpr Message kAddRecoveryHelp{
    "make a recovery key, to be kept on paper",
    "einen Wiederherstellungsschlüssel anlegen, auf Papier zu verwahren"};
constexpr Message kOutHelp{"write it to this new file instead of showing it",
                           "in diese neue Datei schreiben statt anzeigen"};
constexpr Message kFileExists{"{}: is there already", "{}: gibt es schon"};
constexpr Message kShow{
    "Recovery key (keep it away from this machine):\n\n  {}\n\n",
    "Wiederherstellungsschlüssel (getrennt von diesem Rechner verwahren):\n\n  {}\n\n"};
constexpr Message kConfirmNext{"Confirm it with \"obhut vault key confirm\".\n",
                               "Mit „obhut vault key confirm“ bestätigen.\n"};

Result<void> run_add_recovery(Context& context, const AddArguments& arguments) {
  if (!arguments.file.empty() && platform::exists(arguments.file)) {
    return fail(ErrorKind::kInvalidInput, context.say(kFileExists, {printable(arguments.file)}));
  }
  ASSIGN_OR_RETURN(const VaultSession session,
                   open_vault(context, arguments.vault, store::Use::kWrite));
  const vault::RecoveryKey key = vault::RecoveryKey::generate();
  const std::string text = key.text();
  // The file first: a slot whose key nobody has is of no use.
  if (!arguments.file.empty()) TRY(platform::write_file(arguments.file, as_bytes(text + "\n")));
  ASSIGN_OR_RETURN(const vault::StoredSlot slot,
                   session.vault->add_slot(vault::RecoveryKey(key.secret().view()),
                                           context.clock.now(), context.stop));
  if (context.json) {
    json out = json_of(slot);
    if (arguments.file.empty()) out["recovery_key"] = text;
    print(out.dump() + "\n");
    return {};
  }
  tell_added(context, slot);
  if (arguments.file.empty()) print(context.say(kShow, {text}));
  print(context.say(kConfirmNext));
  return {};
}

constexpr Message kShowHelp{
    "show the recovery key that --key-file holds, spelled as on paper",
    "den Wiederherstellungsschlüssel aus --key-file zeigen, wie auf Papier"};
constexpr Message kNotKept{
    "a vault does not hold its recovery keys: open it with one by --key-file, or make a new one "
    "with \"obhut vault key add-recovery\"",
    "ein Tresor enthält seine Wiederherstellungsschlüssel nicht: mit --key-file einen angeben oder "
    "mit „obhut vault key add-recovery“ einen neuen anlegen"};

Result<void> run_show_recovery(Context& context, const VaultArguments& arguments) {
  ASSIGN_OR_RETURN(const vault::KeySource key, read_key(context, arguments.key_file));
  const auto* recovery = std::get_if<vault::RecoveryKey>(&key);
  if (recovery == nullptr) return fail(ErrorKind::kRefused, context.say(kNotKept));
  // Shown only where it opens this vault: a person is about to rely on it.
  ASSIGN_OR_RETURN(const auto store, store::LocalStore::open(arguments.vault));
  TRY(vault::Vault::open(*store, key, context.stop));
  print(context.json ? json{{"recovery_key", recovery->text()}}.dump() + "\n"
                     : context.say(kShow, {recovery->text()}));
  return {};
}

constexpr Message kConfirmHelp{"prove that a recovery key opens the vault",
                               "prüfen, dass ein Wiederherstellungsschlüssel den Tresor öffnet"};
constexpr Message kConfirmed{"This key opens the vault.\n",
                             "Dieser Schlüssel öffnet den Tresor.\n"};

Result<void> run_confirm(Context& context, const VaultArguments& arguments) {
  ASSIGN_OR_RETURN(const VaultSession session, open_vault(context, arguments, store::Use::kRead));
  print(context.json
            ? json{{"confirmed", true}, {"vault", session.vault->id().text()}}.dump() + "\n"
            : context.say(kConfirmed));
  return {};
}

}  // namespace

void add_vault_keys(CLI::App& vault, Context& context) {
  CLI::App* key = vault.add_subcommand("key", context.say(kKeyHelp));
  key->require_subcommand(1);
  const auto simple = [&](const char* name, const Message& help,
                          Result<void> (*run)(Context&, const VaultArguments&)) {
    const auto arguments = std::make_shared<VaultArguments>();
    CLI::App* command = add_command(
        *key, context, name, help, [&context, arguments, run] { return run(context, *arguments); });
    add_vault_options(*command, context, *arguments);
  };
  const auto adding = [&](const char* name, const Message& help, const char* option,
                          const Message& option_help,
                          Result<void> (*run)(Context&, const AddArguments&)) {
    const auto arguments = std::make_shared<AddArguments>();
    CLI::App* command = add_command(
        *key, context, name, help, [&context, arguments, run] { return run(context, *arguments); });
    add_vault_options(*command, context, arguments->vault);
    command->add_option(option, arguments->file, context.say(option_help))->type_name("FILE");
  };
  simple("list", kListHelp, run_list);
  adding("add-passphrase", kAddPassphraseHelp, "--new-key-file", kNewFileHelp, run_add_passphrase);
  adding("add-recovery", kAddRecoveryHelp, "--out", kOutHelp, run_add_recovery);
  const auto removal = std::make_shared<RemoveArguments>();
  CLI::App* remove = add_command(*key, context, "remove", kRemoveHelp,
                                 [&context, removal] { return run_remove(context, *removal); });
  add_vault_options(*remove, context, removal->vault);
  remove->add_option("slot", removal->slot, context.say(kSlotHelp))->required();
  simple("show-recovery", kShowHelp, run_show_recovery);
  simple("confirm", kConfirmHelp, run_confirm);
}

}  // namespace obhut::cli

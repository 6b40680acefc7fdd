// obhut-recovery: reads a vault with its recovery key where neither agent nor device is left. The
// same commands as `obhut vault`, of those that only read.

#include "tools/cli/program.h"
#include "tools/cli/vault_commands.h"

namespace {

constexpr obhut::cli::Message kAbout{
    "obhut-recovery: files back from a backup, with the recovery key alone",
    "obhut-recovery: Dateien aus einer Sicherung zurückholen, allein mit dem "
    "Wiederherstellungsschlüssel"};
constexpr obhut::cli::Message kWhatToDo{
    "With the recovery sheet in a file, sheet.txt:\n"
    "  obhut-recovery points  --sheet sheet.txt                    what there is\n"
    "  obhut-recovery find    --sheet sheet.txt 'letter*'          where a file is\n"
    "  obhut-recovery restore --sheet sheet.txt latest --to DIR    everything back, into DIR\n"
    "With the sheet on paper, its lines \"vault:\" and \"key:\" (the key is asked for):\n"
    "  obhut-recovery points  --vault 'https://HOST:PORT#PIN'\n"
    "From a vault on a disk:\n"
    "  obhut-recovery points  --vault /media/disk/vault",
    "Mit dem Wiederherstellungsblatt in einer Datei, sheet.txt:\n"
    "  obhut-recovery points  --sheet sheet.txt                    was da ist\n"
    "  obhut-recovery find    --sheet sheet.txt 'brief*'           wo eine Datei ist\n"
    "  obhut-recovery restore --sheet sheet.txt latest --to ORDNER alles zurück, in ORDNER\n"
    "Mit dem Blatt auf Papier, seinen Zeilen „vault:“ und „key:“ (nach dem Schlüssel wird "
    "gefragt):\n"
    "  obhut-recovery points  --vault 'https://HOST:PORT#PIN'\n"
    "Aus einem Tresor auf einer Platte:\n"
    "  obhut-recovery points  --vault /media/platte/tresor"};

void add_commands(CLI::App& app, obhut::cli::Context& context) {
  obhut::cli::add_vault_browse(app, context);
  obhut::cli::add_vault_restore(app, context);
}

}  // namespace

int main(int argc, char** argv) {
  return obhut::cli::run_program(
      argc, argv,
      {.name = "obhut-recovery", .version = OBHUT_VERSION, .about = kAbout, .footer = kWhatToDo},
      add_commands);
}

#include "agent/pipeline/changes_in_place.h"

#include <algorithm>
#include <array>

namespace obhut::pipeline {
namespace {

// Of disk images (raw, QEMU, VMware, VirtualBox, Hyper-V), of SQL Server, MySQL, SQLite, Access,
// Exchange, Firebird, dBase and WiredTiger, of Outlook and Notes.
constexpr std::array<std::string_view, 32> kEndings = {
    "img", "raw", "qcow", "qcow2",  "vmdk",    "vdi", "vhd", "vhdx",  "hdd",   "mdf", "ndf",
    "ldf", "ibd", "myd",  "sqlite", "sqlite3", "db",  "db3", "mdb",   "accdb", "edb", "fdb",
    "gdb", "dbf", "wt",   "pst",    "ost",     "nsf", "qed", "avhdx", "avhd",  "dsk",
};

struct Sign {
  std::size_t at;
  std::string_view bytes;
};

// From the formats' own descriptions.
constexpr std::array<Sign, 14> kSigns = {{
    {0, "QFI\xfb"},            // QEMU copy on write
    {0, "KDMV"},               // VMware, hosted sparse
    {0, "vhdxfile"},           // Hyper-V
    {0, "conectix"},           // Virtual PC, dynamic
    {64, "\x7f\x10\xda\xbe"},  // VirtualBox
    {510, "\x55\xaa"},         // a disk with a boot record
    {512, "EFI PART"},         // a disk with a partition table
    {3, "NTFS    "},           // a volume of Windows
    {0, "XFSB"},               // a volume of Linux: XFS …
    {1080, "\x53\xef"},        // … ext2 to ext4
    {512, "LABELONE"},         // LVM
    {0, std::string_view("SQLite format 3\0", 16)},
    {4, std::string_view("Standard Jet DB\0", 16)},  // Access
    {0, "!BDN"},                                     // Outlook
}};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool has_ending(std::string_view name, std::string_view ending) {
  if (name.size() <= ending.size() + 1 || name[name.size() - ending.size() - 1] != '.')
    return false;
  return std::ranges::equal(name.substr(name.size() - ending.size()), ending, {}, lower);
}

}  // namespace

bool changes_in_place(std::string_view name, ByteView head) {
  const std::string_view text = as_text(head);
  return std::ranges::any_of(kEndings,
                             [&](std::string_view ending) { return has_ending(name, ending); }) ||
         std::ranges::any_of(kSigns, [&](const Sign& sign) {
           return text.size() > sign.at && text.substr(sign.at).starts_with(sign.bytes);
         });
}

}  // namespace obhut::pipeline

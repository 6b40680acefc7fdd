// Secrets, pipes, programs, locks and the like on Windows.

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/backup_exclusions.h"
#include "platform/event_log.h"
#include "platform/file_lock.h"
#include "platform/installed_settings.h"
#include "platform/local_socket.h"
#include "platform/machine.h"
#include "platform/places.h"
#include "platform/power.h"
#include "platform/priority.h"
#include "platform/secret_store.h"
#include "platform/snapshot.h"
#include "platform/snapshot_set.h"
#include "platform/system_proxy.h"
#include "platform/trusted_program.h"
#include "platform/windows_rights.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using std::chrono::milliseconds;
using test::counted_bytes;
using test::TempFolder;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using namespace std::string_literals;

TEST(WindowsSecrets, AreSealedForThisMachine) {
  const TempFolder folder;
  auto store = SecretStore::open(folder / "secrets");
  ASSERT_TRUE(store) << store.error().message;
  const Bytes secret = counted_bytes(100);
  ASSERT_TRUE(store->save("key", secret));

  const auto loaded = store->load("key");
  const auto bytes = read_file(folder / "secrets/key", 1 << 20);

  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, secret);
  ASSERT_TRUE(bytes);
  const std::string_view text = as_text(*bytes);
  EXPECT_EQ(text.find(as_text(ByteView(secret).first(16))), std::string_view::npos)
      << "the file holds nothing of it in the open";
  EXPECT_EQ(store->load("none").error().kind, ErrorKind::kNotFound);
}

TEST(WindowsSecrets, AreRefusedWhereTheyWereChanged) {
  const TempFolder folder;
  auto store = SecretStore::open(folder / "secrets");
  ASSERT_TRUE(store->save("key", counted_bytes(100)));
  Bytes bytes = read_file(folder / "secrets/key", 1 << 20).value();
  bytes[bytes.size() / 2] ^= 1U;
  ASSERT_TRUE(write_file(folder / "secrets/key", bytes, 0600));

  const auto loaded = store->load("key");

  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::kRefused) << loaded.error().message;
}

TEST(WindowsSecrets, AreRefusedWhereOthersMayReadThem) {
  const TempFolder folder;
  auto store = SecretStore::open(folder / "secrets");
  ASSERT_TRUE(store->save("key", counted_bytes(10)));
  // Rewritten in the way of a file that others may read.
  const Bytes bytes = read_file(folder / "secrets/key", 1 << 20).value();
  ASSERT_TRUE(remove_file(folder / "secrets/key"));
  SECURITY_DESCRIPTOR open{};
  ASSERT_NE(::InitializeSecurityDescriptor(&open, SECURITY_DESCRIPTOR_REVISION), 0);
  ASSERT_NE(::SetSecurityDescriptorDacl(&open, TRUE, nullptr, FALSE), 0);
  SECURITY_ATTRIBUTES rights{sizeof rights, &open, FALSE};
  const Result<std::wstring> path = win::native_path(folder / "secrets/key");
  const Handle file = win::handle_of(
      ::CreateFileW(path->c_str(), GENERIC_WRITE, 0, &rights, CREATE_NEW, 0, nullptr));
  DWORD done = 0;
  ASSERT_NE(::WriteFile(win::native_of(file), bytes.data(), static_cast<DWORD>(bytes.size()), &done,
                        nullptr),
            0);

  const Result<void> closed = win::check_closed(folder / "secrets/key", win::Against::kReadingToo);

  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind, ErrorKind::kRefused);
  EXPECT_THAT(closed.error().message, HasSubstr("secrets/key"));
}

TEST(WindowsPipe, CarriesMessagesAndTellsWhoIsThere) {
  const TempFolder folder;
  auto listener = LocalListener::listen(folder / "socket", SocketAccess::kEveryone);
  ASSERT_TRUE(listener) << listener.error().message;
  Peer seen;
  std::jthread server([&](const std::stop_token& stop) {
    auto connection = listener->accept(stop);
    ASSERT_TRUE(connection && *connection);
    seen = (*connection)->peer();
    const auto asked = (*connection)->receive(1 << 20, std::chrono::minutes(1), stop);
    ASSERT_TRUE(asked && *asked);
    ASSERT_TRUE((*connection)->send(**asked, std::chrono::minutes(1), stop));
  });
  auto client = LocalConnection::connect(folder / "socket");
  ASSERT_TRUE(client) << client.error().message;
  const Bytes message = counted_bytes(300'000);

  ASSERT_TRUE(client->send(message, std::chrono::minutes(1)));
  const auto answer = client->receive(1 << 20, std::chrono::minutes(1));
  server.join();

  ASSERT_TRUE(answer && *answer) << answer.error().message;
  EXPECT_EQ(**answer, message);
  EXPECT_EQ(seen.account, win::own_sid());
  EXPECT_EQ(seen.pid, process_id());
  EXPECT_EQ(seen.administrator, is_administrator());
  ASSERT_NE(seen.caller, nullptr);
  const auto acts = [] {
    HANDLE token = nullptr;
    const BOOL has = ::OpenThreadToken(::GetCurrentThread(), TOKEN_QUERY, TRUE, &token);
    ::CloseHandle(token);
    return has != 0;
  };
  {
    const auto acting = ActingAs::begin(seen.caller);
    ASSERT_TRUE(acting) << acting.error().message;
    EXPECT_TRUE(acts());
    folder.write("as the caller", "x");
  }
  EXPECT_FALSE(acts()) << "the thread is itself again";
  EXPECT_EQ(client->peer().pid, process_id());
  EXPECT_FALSE(*client->receive(1 << 20, std::chrono::minutes(1))) << "closed between two messages";
}

TEST(WindowsPipe, IsHeldUpByNobodyWhoSaysNothing) {
  const TempFolder folder;
  auto listener = LocalListener::listen(folder / "socket", SocketAccess::kOwner);
  ASSERT_TRUE(listener);
  // Connected as far as the system is concerned, and silent.
  const Result<std::string> absolute = absolute_path(folder / "socket");
  std::wstring name = win::to_wide(*absolute).value();
  std::ranges::replace(name, L'/', L'!');
  std::vector<Handle> silent;
  for (int i = 0; i < 3; ++i) {
    silent.push_back(win::handle_of(::CreateFileW((L"\\\\.\\pipe\\obhut" + name).c_str(),
                                                  GENERIC_READ | GENERIC_WRITE, 0, nullptr,
                                                  OPEN_EXISTING, 0, nullptr)));
    ASSERT_TRUE(silent.back().valid());
  }
  const auto began = std::chrono::steady_clock::now();
  std::jthread server([&](const std::stop_token& stop) {
    auto connection = listener->accept(stop);
    ASSERT_TRUE(connection && *connection);
    ASSERT_TRUE((*connection)->send(as_bytes(std::string_view("hello")), std::chrono::minutes(1)));
  });

  auto client = LocalConnection::connect(folder / "socket");
  ASSERT_TRUE(client) << client.error().message;
  const auto answer = client->receive(100, std::chrono::minutes(1));
  server.join();

  ASSERT_TRUE(answer && *answer);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
}

TEST(WindowsPipe, IsNotServedTwice) {
  const TempFolder folder;
  auto first = LocalListener::listen(folder / "socket", SocketAccess::kOwner);
  ASSERT_TRUE(first);
  // Another program's, made before ours would be.
  const auto second = LocalListener::listen(folder / "socket", SocketAccess::kOwner);
  EXPECT_EQ(LocalConnection::connect(folder / "none").error().kind, ErrorKind::kUnavailable);
  // Wine does not know the flag for the first instance; real Windows must refuse.
  if (second) GTEST_SKIP() << "this system lets a pipe be made twice";
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict) << second.error().message;
}

TEST(WindowsPipe, KeepsItsDeadlinesAndLimits) {
  const TempFolder folder;
  auto listener = LocalListener::listen(folder / "socket", SocketAccess::kOwner);
  ASSERT_TRUE(listener);
  std::optional<LocalConnection> served;
  std::jthread server([&](const std::stop_token& stop) {
    auto connection = listener->accept(stop);
    ASSERT_TRUE(connection && *connection);
    served.emplace(std::move(**connection));
  });
  auto client = LocalConnection::connect(folder / "socket");
  ASSERT_TRUE(client);
  server.join();

  EXPECT_EQ(client->receive(100, milliseconds(50)).error().kind, ErrorKind::kTimeout);
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(50));
    stop.request_stop();
  });
  EXPECT_EQ(client->receive(100, milliseconds(10'000), stop.get_token()).error().kind,
            ErrorKind::kCancelled);
  ASSERT_TRUE(served->send(counted_bytes(200), milliseconds(1000)));
  EXPECT_EQ(client->receive(100, milliseconds(1000)).error().kind, ErrorKind::kInvalidInput);
}

TEST(WindowsPipe, StopsWaitingWhenItIsAsked) {
  const TempFolder folder;
  auto listener = LocalListener::listen(folder / "socket", SocketAccess::kOwner);
  ASSERT_TRUE(listener);
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(50));
    stop.request_stop();
  });
  const auto accepted = listener->accept(stop.get_token());
  ASSERT_TRUE(accepted);
  EXPECT_FALSE(*accepted);
}

TEST(WindowsProcess, GetsItsArgumentsAsTheyAre) {
  // cmd's echo shows its command line as it came.
  const auto ended = run({"cmd", {"/c", "echo", "two words", "x"}, {}, {}, {}});
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->exit_code, 0);
  EXPECT_THAT(ended->output, HasSubstr("\"two words\" x"));
}

TEST(WindowsProcess, TellsExitCodesAndWhatIsMissing) {
  EXPECT_EQ(run({"cmd", {"/c", "exit", "7"}, {}, {}, {}})->exit_code, 7);
  const auto missing = run({"no-such-program", {}, {}, {}, {}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound) << missing.error().message;
}

TEST(WindowsProcess, IsEndedWithAllThatItStartedWhenItsTimeIsOver) {
  Command command{"cmd", {"/c", "ping -n 60 127.0.0.1 >nul & ping -n 60 127.0.0.1"}, {}, {}, {}};
  command.timeout = milliseconds(1000);
  const auto began = std::chrono::steady_clock::now();

  const auto ended = run(command);

  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_TRUE(ended->timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(15));
}

TEST(WindowsRegistry, TellsWhatNoBackupHolds) {
  constexpr const wchar_t* kList =
      L"SYSTEM\\CurrentControlSet\\Control\\BackupRestore\\FilesNotToBackup";
  HKEY key = nullptr;
  ASSERT_EQ(::RegCreateKeyExW(HKEY_LOCAL_MACHINE, kList, 0, nullptr, 0, KEY_SET_VALUE, nullptr,
                              &key, nullptr),
            ERROR_SUCCESS);
  ::SetEnvironmentVariableW(L"OBHUT_TEST", L"C:\\some\\where");
  const std::wstring lines = L"%OBHUT_TEST%\\* /s\0C:\\other.bin\0%UNKNOWN%\\x\0"s;
  ::RegSetValueExW(key, L"Obhut test", 0, REG_MULTI_SZ, reinterpret_cast<const BYTE*>(lines.data()),
                   static_cast<DWORD>((lines.size() + 1) * sizeof(wchar_t)));

  const BackupExclusions exclusions = backup_exclusions();

  ::RegDeleteValueW(key, L"Obhut test");
  ::RegCloseKey(key);
  EXPECT_THAT(exclusions.whole, Contains("/C/some/where/**"));
  EXPECT_THAT(exclusions.files, Contains("/C/other.bin"));
  EXPECT_THAT(exclusions.files, Contains("/?/pagefile.sys"));
  EXPECT_THAT(exclusions.files, Not(Contains(EndsWith("/x")))) << "no such variable";
}

TEST(WindowsLock, IsHeldByOneAtATime) {
  const TempFolder folder;
  auto held = FileLock::acquire(folder / "lock", LockMode::kExclusive, "a test", milliseconds(0));
  ASSERT_TRUE(held) << held.error().message;
  const auto second =
      FileLock::acquire(folder / "lock", LockMode::kExclusive, "another", milliseconds(0));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr("a test"));
}

TEST(WindowsAtomicFile, ReplacesWhatIsOpenForReading) {
  const TempFolder folder;
  folder.write("file", "old");
  const auto reader = LocalFile::open_for_reading(folder / "file");
  ASSERT_TRUE(reader);

  ASSERT_TRUE(write_file(folder / "file", as_bytes(std::string_view("new")), 0644));

  EXPECT_EQ(folder.read("file"), "new");
  Bytes content(3);
  EXPECT_EQ(*reader->read_at(0, content), 3U);
  EXPECT_EQ(as_text(content), "old") << "who has the old one open keeps it";
}

TEST(WindowsTrustedProgram, RefusesNamesThatLeadElsewhereAndWhatIsNotThere) {
  const TempFolder folder;
  folder.write("hooks/tool.cmd", "exit 0");
  const auto missing = trusted_program(folder / "hooks", "none");
  const auto bad_name = trusted_program(folder / "hooks", "..\\tool");
  EXPECT_FALSE(missing);
  ASSERT_FALSE(bad_name);
  EXPECT_EQ(bad_name.error().kind, ErrorKind::kInvalidInput);
}

TEST(WindowsMachine, AnswersWhatIsAsked) {
  EXPECT_FALSE(host_name().empty());
  EXPECT_THAT(system_name(), HasSubstr("Windows"));
  EXPECT_TRUE(machine_identity());
  EXPECT_EQ(*machine_identity(), *machine_identity());
  EXPECT_GT(disk_space("/C")->total, 0U);
  EXPECT_GE(processor_count(), 1U);
  EXPECT_THAT(*program_path(), HasSubstr("platform_test.exe"));
  EXPECT_THAT(*program_beside("obhutd"), EndsWith("/obhutd.exe"));
  EXPECT_GT(resource_usage().peak_memory_bytes, 1'000'000U);
  EXPECT_NE(power_source(), PowerSource::kBattery);
  (void)network_cost();
  EXPECT_EQ(new_snapshot_name().size(), 32U);
  EXPECT_NE(new_snapshot_name(), new_snapshot_name());
  EXPECT_EQ(volume_snapshots().size(), 1U);
  EXPECT_EQ(standard_places().state, "/C/ProgramData/Obhut/state");
  log_event(LoggedEvent::kServiceStarted, "a test");
  (void)system_proxy("https://cluster.example.org");
}

TEST(WindowsMachine, GivesWayOnAThreadOfItsOwn) {
  bool handed_on = false;
  std::jthread([&] {
    // Wine has no background mode; the processor is given away in any case.
    (void)give_way();
    EXPECT_TRUE(gives_way());
    std::jthread(giving_way_too([&] { handed_on = gives_way(); })).join();
  }).join();
  EXPECT_TRUE(handed_on);
  EXPECT_FALSE(gives_way());
}

}  // namespace
}  // namespace obhut::platform

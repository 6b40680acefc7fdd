#include "platform/secret_store.h"

#include <unistd.h>

#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::shell;
using test::TempFolder;

TEST(SecretStore, KeepsASecretForItsOwnerAlone) {
  const TempFolder folder;
  Result<SecretStore> store = SecretStore::open(folder / "secrets");
  ASSERT_TRUE(store);

  EXPECT_TRUE(store->save("device-key", as_bytes("old")));
  EXPECT_TRUE(store->save("device-key", as_bytes("new")));

  EXPECT_EQ(as_text(*store->load("device-key")), "new");
  EXPECT_EQ(status_of_path(folder / "secrets")->mode, 0700U);
  EXPECT_EQ(status_of_path(folder / "secrets/device-key")->mode, 0600U);
  EXPECT_TRUE(store->remove("device-key"));
  EXPECT_TRUE(store->remove("device-key"));
  EXPECT_EQ(store->load("device-key").error().kind, ErrorKind::kNotFound);
}

TEST(SecretStore, RefusesASecretThatOthersCouldRead) {
  const TempFolder folder;
  Result<SecretStore> store = SecretStore::open(folder / "secrets");
  ASSERT_TRUE(store->save("key", as_bytes("s")));
  for (const char* mode : {"0640", "0604", "0660", "0602"}) {
    ASSERT_TRUE(shell(folder.path(), std::string("chmod ") + mode + " secrets/key"));

    const Result<Bytes> secret = store->load("key");

    ASSERT_FALSE(secret) << mode;
    EXPECT_EQ(secret.error().kind, ErrorKind::kRefused);
    EXPECT_NE(secret.error().message.find("chmod 0600"), std::string::npos) << "the way out";
  }
}

TEST(SecretStore, RefusesALinkAndAForeignOwner) {
  const TempFolder folder;
  Result<SecretStore> store = SecretStore::open(folder / "secrets");
  ASSERT_TRUE(shell(folder.path(),
                    "echo planted > planted && chmod 600 planted && ln -s ../planted secrets/key"));

  EXPECT_FALSE(store->load("key"));

  if (::geteuid() == 0) {
    ASSERT_TRUE(store->save("theirs", as_bytes("s")));
    ASSERT_TRUE(shell(folder.path(), "chown 65534 secrets/theirs"));
    EXPECT_EQ(store->load("theirs").error().kind, ErrorKind::kRefused);
  }
}

TEST(SecretStore, RefusesAFolderOpenToOthers) {
  const TempFolder folder;
  ASSERT_TRUE(shell(folder.path(), "mkdir -m 0755 secrets"));

  EXPECT_EQ(SecretStore::open(folder / "secrets").error().kind, ErrorKind::kRefused);
}

TEST(SecretStore, TakesOnlyPlainNames) {
  const TempFolder folder;
  Result<SecretStore> store = SecretStore::open(folder / "secrets");

  for (const char* name : {"", ".", "..", "../x", "a/b", ".hidden", "a b"}) {
    EXPECT_EQ(store->save(name, as_bytes("s")).error().kind, ErrorKind::kInvalidInput) << name;
  }
}

}  // namespace
}  // namespace obhut::platform

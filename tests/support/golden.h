#pragma once
// Golden bytes: tests/data/<name>. Tests run in the top folder of the tree.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "agent/base/bytes.h"

namespace obhut::tests {

/// The bytes that stand in the tree. With OBHUT_WRITE_GOLDEN=1 in the environment `made` is written
/// there first: for a new format, never for one that users have.
inline Bytes golden(const std::string& name, ByteView made) {
  const std::string path = "tests/data/" + name;
  if (std::getenv("OBHUT_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(made.data()),
               static_cast<std::streamsize>(made.size()));
  }
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path << " is missing; tests run in the top folder of the tree";
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace obhut::tests

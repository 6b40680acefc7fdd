#pragma once
// Variables of the environment, on either system.

#include <cstdlib>

namespace obhut::tests {

#ifdef _WIN32
inline void set_variable(const char* name, const char* value) {
  ::_putenv_s(name, value);
}
inline void clear_variable(const char* name) {
  ::_putenv_s(name, "");
}
#else
inline void set_variable(const char* name, const char* value) {
  ::setenv(name, value, 1);
}
inline void clear_variable(const char* name) {
  ::unsetenv(name);
}
#endif

}  // namespace obhut::tests

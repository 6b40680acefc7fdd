# CMake toolchain: 64-bit Windows by Debian's MinGW-w64 with POSIX threads, everything static; the
# results run under Wine. OBHUT_WINDOWS_DEPS names the folder that build_deps filled.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(triple x86_64-w64-mingw32)

# The suffix: without it the compiler follows update-alternatives, which prefers the variant without
# std::thread.
set(CMAKE_C_COMPILER ${triple}-gcc-posix)
set(CMAKE_CXX_COMPILER ${triple}-g++-posix)
set(CMAKE_RC_COMPILER ${triple}-windres)
set(CMAKE_AR ${triple}-gcc-ar-posix CACHE FILEPATH "")
set(CMAKE_RANLIB ${triple}-gcc-ranlib-posix CACHE FILEPATH "")

if(NOT OBHUT_WINDOWS_DEPS AND DEFINED ENV{OBHUT_WINDOWS_DEPS})
  set(OBHUT_WINDOWS_DEPS $ENV{OBHUT_WINDOWS_DEPS})
endif()
set(OBHUT_WINDOWS_DEPS "${OBHUT_WINDOWS_DEPS}" CACHE PATH "what tools/dev/windows/build_deps filled")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES OBHUT_WINDOWS_DEPS)

set(CMAKE_FIND_ROOT_PATH ${OBHUT_WINDOWS_DEPS} /usr/${triple})
set(CMAKE_PREFIX_PATH ${OBHUT_WINDOWS_DEPS})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)

set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -static-libgcc -static-libstdc++")
# Windows 10 and Server 2016 and later; UTF-16 calls; none of the header's macros named min and max.
set(windows_defines "-D_WIN32_WINNT=0x0A00 -DWINVER=0x0A00 -DNOMINMAX -DUNICODE -D_UNICODE -DWIN32_LEAN_AND_MEAN")
set(CMAKE_C_FLAGS_INIT "${windows_defines}")
# -Wa,-mbig-obj: objects full of templates pass the limit of 65,000 sections.
set(CMAKE_CXX_FLAGS_INIT "${windows_defines} -Wa,-mbig-obj")

set(Boost_USE_STATIC_LIBS ON)
set(Boost_NO_BOOST_CMAKE ON)
set(Boost_ARCHITECTURE -x64)
set(Boost_NO_WARN_NEW_VERSIONS ON)
set(OPENSSL_USE_STATIC_LIBS ON)

set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/in_wine)

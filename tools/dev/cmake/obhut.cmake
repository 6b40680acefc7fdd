# obhut_library(NAME agent/chunk  SOURCES a.cc b.cc  LINK obhut::base  PRIVATE_LINK zstd::libzstd)
#   one static library per directory; includes are rooted at the top of the tree.
# obhut_test(NAME chunk  SOURCES x_test.cc  LINK obhut::chunk  LABELS unit)
#   one GoogleTest program. Unit and contract tests are also built by unit_and_contract_tests, with
#   what they start: all that the trees under sanitizers need.

# The package where it is installed as such; else its headers, which are all there is of it, used
# with the definitions given.
function(obhut_header_only package target header)
  find_package(${package} QUIET)
  if(TARGET ${target})
    set_target_properties(${target} PROPERTIES IMPORTED_GLOBAL TRUE)
    return()
  endif()
  find_path(${package}_INCLUDE ${header} REQUIRED)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} SYSTEM INTERFACE ${${package}_INCLUDE})
  target_compile_definitions(${target} INTERFACE ${ARGN})
endfunction()

add_library(obhut_settings INTERFACE)
target_include_directories(obhut_settings INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_features(obhut_settings INTERFACE cxx_std_23)
if(MINGW)
  # Where the system has no futex, a thread that waits for GCC 12's own semaphore can sleep for ever
  # (PR 104928): so did whoever drops a std::stop_callback that is just being called.
  target_compile_definitions(obhut_settings INTERFACE _GLIBCXX_USE_POSIX_SEMAPHORE=1)
endif()
if(OBHUT_STRICT)
  target_compile_options(obhut_settings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion -Wshadow -Werror>)
endif()

if(OBHUT_UNITED)
  # True only where sources that know nothing of each other are one, as here.
  target_compile_options(obhut_settings INTERFACE
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage -Wno-shadow>)
endif()

add_custom_target(unit_and_contract_tests)

# With OBHUT_UNITED, sources of one target share translation units: see tools/dev/unite.py.
function(obhut_unite target variable)
  set(single ${${variable}})
  set(united ${single})
  list(FILTER united INCLUDE REGEX "^[^/].*\\.cc$")
  list(LENGTH united count)
  if(NOT OBHUT_UNITED OR count LESS 2)
    return()
  endif()
  list(REMOVE_ITEM single ${united})
  file(RELATIVE_PATH here ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  list(TRANSFORM united PREPEND ${here}/)
  execute_process(
    COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/dev/unite.py ${CMAKE_BINARY_DIR}/united/${target} ${united}
    OUTPUT_VARIABLE units OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${variable} ${units} ${single} PARENT_SCOPE)
endfunction()

function(obhut_library)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;LINK;PRIVATE_LINK;PRIVATE_INCLUDE" ${ARGN})
  string(REPLACE "/" "_" target ${ARG_NAME})
  obhut_unite(obhut_${target} ARG_SOURCES)
  add_library(obhut_${target} STATIC ${ARG_SOURCES})
  add_library(obhut::${target} ALIAS obhut_${target})
  target_link_libraries(obhut_${target} PUBLIC obhut_settings ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  # Third-party headers are not ours to warn about.
  target_include_directories(obhut_${target} SYSTEM PRIVATE ${ARG_PRIVATE_INCLUDE})
endfunction()

function(obhut_program)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;LINK" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE obhut_settings ${ARG_LINK})
endfunction()

# On Windows a program tells its version and what it is made for; EVENTS adds the texts of what it
# writes to the Event Log, ICON what it looks like in menus.
function(obhut_windows_resources program description)
  if(NOT WIN32)
    return()
  endif()
  set(folder ${CMAKE_SOURCE_DIR}/service/endpoint/windows)
  set(icon "")
  if("ICON" IN_LIST ARGN)
    set(drawn ${CMAKE_CURRENT_BINARY_DIR}/${program}.ico)
    set(draw ${CMAKE_SOURCE_DIR}/tools/dev/windows/icon)
    set(icon "1 ICON \"${drawn}\"")
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    add_custom_command(OUTPUT ${drawn} COMMAND ${Python3_EXECUTABLE} ${draw} ${drawn} DEPENDS ${draw})
    set_property(SOURCE ${CMAKE_CURRENT_BINARY_DIR}/${program}.rc PROPERTY OBJECT_DEPENDS ${drawn})
  endif()
  configure_file(${folder}/program.rc.in ${CMAKE_CURRENT_BINARY_DIR}/${program}.rc @ONLY)
  target_sources(${program} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${program}.rc)
  if("EVENTS" IN_LIST ARGN)
    if(MINGW)
      find_program(MESSAGE_COMPILER x86_64-w64-mingw32-windmc REQUIRED)
      set(text -C 65001 -U)
    else()
      find_program(MESSAGE_COMPILER mc REQUIRED)
      set(text -u -U)
    endif()
    set(events ${CMAKE_CURRENT_BINARY_DIR}/events.rc)
    add_custom_command(OUTPUT ${events}
      COMMAND ${MESSAGE_COMPILER} ${text} -h ${CMAKE_CURRENT_BINARY_DIR} -r ${CMAKE_CURRENT_BINARY_DIR} ${folder}/events.mc
      DEPENDS ${folder}/events.mc)
    target_sources(${program} PRIVATE ${events})
  endif()
endfunction()

function(obhut_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(CMAKE_CXX_FLAGS MATCHES "sanitize")
    math(EXPR ARG_TIMEOUT "5 * ${ARG_TIMEOUT}")
  endif()
  obhut_unite(${ARG_NAME}_test ARG_SOURCES)
  if(ARG_LABELS MATCHES "unit|contract" AND NOT OBHUT_UNIT_TESTS)
    add_executable(${ARG_NAME}_test EXCLUDE_FROM_ALL ${ARG_SOURCES})
  else()
    add_executable(${ARG_NAME}_test ${ARG_SOURCES})
    # One CTest case a program: starting a process per TEST costs more than the tests.
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  endif()
  target_link_libraries(${ARG_NAME}_test PRIVATE obhut_settings ${ARG_LINK} GTest::gmock GTest::gtest_main)
  if(ARG_LABELS MATCHES "unit|contract")
    add_dependencies(unit_and_contract_tests ${ARG_NAME}_test)
  endif()
endfunction()

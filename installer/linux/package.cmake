# Read by CPack, once for each kind of package.
set(here ${CMAKE_CURRENT_LIST_DIR})
if(CPACK_GENERATOR STREQUAL "DEB")
  set(CPACK_COMPONENTS_ALL agent debian)
elseif(CPACK_GENERATOR STREQUAL "RPM")
  set(CPACK_COMPONENTS_ALL agent redhat)
  # No distribution but Debian has these libraries in these versions: they come along, and rpm is
  # told neither to look for them nor that others may use them.
  set(CPACK_PRE_BUILD_SCRIPTS ${here}/rpm/bundle.cmake)
  set(CPACK_RPM_PACKAGE_AUTOREQPROV no)
  set(CPACK_RPM_PACKAGE_REQUIRES "glibc >= 2.36, tzdata, ca-certificates")
  set(CPACK_RPM_SPEC_MORE_DEFINE "%global __brp_check_rpaths %{nil}
%global _build_id_links none
%global __os_install_post %{nil}")
endif()

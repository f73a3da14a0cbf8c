# Matio::matio: .mat files of versions 4, 5 and 7.3, and zlib, which unpacks version 5. (Debian 12 ships a
# pkg-config file only.)
find_path(Matio_INCLUDE_DIR matio.h)
find_library(Matio_LIBRARY matio)
find_library(Matio_ZLIB_LIBRARY z)
mark_as_advanced(Matio_INCLUDE_DIR Matio_LIBRARY Matio_ZLIB_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Matio REQUIRED_VARS Matio_LIBRARY Matio_ZLIB_LIBRARY Matio_INCLUDE_DIR)

if(Matio_FOUND AND NOT TARGET Matio::matio)
  add_library(Matio::matio UNKNOWN IMPORTED)
  set_target_properties(Matio::matio PROPERTIES IMPORTED_LOCATION ${Matio_LIBRARY}
                                                INTERFACE_LINK_LIBRARIES ${Matio_ZLIB_LIBRARY}
                                                INTERFACE_INCLUDE_DIRECTORIES ${Matio_INCLUDE_DIR})
endif()

# Install rules and the package that find_package(limbic) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Headers are for every processor; kernels are not.
if(TARGET limbic_cuda)
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/limbic)
  set(independent)
else()
  set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/limbic)
  set(independent ARCH_INDEPENDENT)
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/limbic DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS limbic EXPORT limbic-targets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT limbic-targets NAMESPACE limbic:: DESTINATION ${package_dir})

foreach(part npz mat text cuda)
  if(TARGET limbic_${part})
    install(TARGETS limbic_${part} EXPORT limbic-${part}-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT limbic-${part}-targets NAMESPACE limbic:: DESTINATION ${package_dir})
  endif()
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/limbic-config.cmake.in
                              ${PROJECT_BINARY_DIR}/limbic-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/limbic-config-version.cmake
                                 COMPATIBILITY SameMinorVersion ${independent})
install(FILES ${PROJECT_BINARY_DIR}/limbic-config.cmake ${PROJECT_BINARY_DIR}/limbic-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindLibzip.cmake ${PROJECT_SOURCE_DIR}/cmake/FindMatio.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindUtf8proc.cmake
        DESTINATION ${package_dir})

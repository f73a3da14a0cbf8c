# Install rules and the package that find_package(limbic) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/limbic)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/limbic DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS limbic EXPORT limbic-targets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT limbic-targets NAMESPACE limbic:: DESTINATION ${package_dir})

if(TARGET limbic_npz)
  install(TARGETS limbic_npz EXPORT limbic-npz-targets)
  install(EXPORT limbic-npz-targets NAMESPACE limbic:: DESTINATION ${package_dir})
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/limbic-config.cmake.in
                              ${PROJECT_BINARY_DIR}/limbic-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/limbic-config-version.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/limbic-config.cmake ${PROJECT_BINARY_DIR}/limbic-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindLibzip.cmake
        DESTINATION ${package_dir})

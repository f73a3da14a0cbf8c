# limbic_own: the library with the flags that limbic's tests, examples and benchmarks are built with.
# Users never get these flags.
add_library(limbic_own INTERFACE)
target_link_libraries(limbic_own INTERFACE limbic::limbic)
set(CMAKE_CXX_EXTENSIONS OFF)

target_compile_options(limbic_own INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # g++ -Wconversion leaves signs out; one rule for both.
  target_compile_options(limbic_own INTERFACE -Wno-sign-conversion)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # It sees an overlap in "text" + string where there is none (GCC bug 105651).
  target_compile_options(limbic_own INTERFACE -Wno-restrict)
endif()
if(LIMBIC_WERROR)
  target_compile_options(limbic_own INTERFACE -Werror)
endif()
if(LIMBIC_NATIVE)
  target_compile_options(limbic_own INTERFACE -march=native)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # g++ 12 takes the "undefined" starting values of AVX-512 intrinsics and of Eigen's packets for mistakes.
    target_compile_options(limbic_own INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
endif()
if(LIMBIC_SANITIZE)
  target_compile_options(limbic_own INTERFACE -fsanitize=${LIMBIC_SANITIZE} -fno-sanitize-recover=all
                                              -fno-omit-frame-pointer -g1)
  target_link_options(limbic_own INTERFACE -fsanitize=${LIMBIC_SANITIZE})
endif()
if(LIMBIC_SYNTAX_ONLY)
  target_compile_options(limbic_own INTERFACE -fsyntax-only)
  set(CMAKE_CXX_LINK_EXECUTABLE true)
  set(CMAKE_CXX_ARCHIVE_CREATE true)
  set(CMAKE_CXX_ARCHIVE_FINISH true)
endif()

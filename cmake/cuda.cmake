# limbic::cuda: the kernels for NVIDIA GPUs (nvcc, cuBLAS). limbic::cuda_emulated: the same sources, checked while
# they run on the CPU. Both define the launchers that limbic/cuda.hpp declares; a program links one of them.
file(GLOB limbic_kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.cu)

if(LIMBIC_CUDA)
  # Machine code for each of these, and for newer processors what the driver makes of the last.
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100)
  endif()
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(LIMBIC_NVCC nvcc HINTS $ENV{CUDA_HOME} /usr/local/cuda PATH_SUFFIXES bin)
    mark_as_advanced(LIMBIC_NVCC)
    if(NOT LIMBIC_NVCC)
      message(FATAL_ERROR "LIMBIC_CUDA needs nvcc, and there is none on the PATH, in CUDA_HOME or in /usr/local/cuda "
                          "(hint: set CMAKE_CUDA_COMPILER to it, or leave LIMBIC_CUDA off)")
    endif()
    set(CMAKE_CUDA_COMPILER ${LIMBIC_NVCC})
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  add_library(limbic_cuda STATIC ${limbic_kernels})
  add_library(limbic::cuda ALIAS limbic_cuda)
  # Not by CUDA_STANDARD: CMake 3.25 does not know that nvcc has C++20.
  set_target_properties(limbic_cuda PROPERTIES EXPORT_NAME cuda POSITION_INDEPENDENT_CODE ON)
  target_compile_options(limbic_cuda PRIVATE -std=c++20)
  target_link_libraries(limbic_cuda PUBLIC limbic CUDA::cudart_static CUDA::cublas)
  if(LIMBIC_WERROR)
    target_compile_options(limbic_cuda PRIVATE "SHELL:-Xcompiler -Wall,-Wextra,-Werror -Werror all-warnings")
  endif()
endif()

if(LIMBIC_CUDA_EMULATED)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/emulator ${PROJECT_BINARY_DIR}/tests/emulator)
  if(TARGET limbic_emulator)
    limbic_emulated_library(limbic_cuda_emulated ${limbic_kernels})
    add_library(limbic::cuda_emulated ALIAS limbic_cuda_emulated)
    target_link_libraries(limbic_cuda_emulated PUBLIC limbic)
  endif()
endif()

# limbic::cuda: the kernels for NVIDIA GPUs (nvcc, cuBLAS). limbic::cuda_emulated: the same sources, checked while
# they run on the CPU. Both define the launchers that limbic/cuda.hpp declares; a program links one of them.
file(GLOB limbic_kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.cu)

if(LIMBIC_CUDA)
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80 90 100)
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  add_library(limbic_cuda STATIC ${limbic_kernels})
  add_library(limbic::cuda ALIAS limbic_cuda)
  set_target_properties(limbic_cuda PROPERTIES EXPORT_NAME cuda CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON
                                               POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(limbic_cuda PUBLIC limbic CUDA::cudart_static CUDA::cublas)
  if(LIMBIC_WERROR)
    target_compile_options(limbic_cuda PRIVATE "SHELL:-Xcompiler -Wall,-Wextra -Werror all-warnings")
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

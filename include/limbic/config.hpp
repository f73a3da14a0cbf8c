// Version, the index type, and the few macros that limbic has.
#pragma once

#include <cstddef>
#include <cstdint>

// Semantic versioning; until 1.0 a new minor version may break what was.
#define LIMBIC_VERSION_MAJOR 0
#define LIMBIC_VERSION_MINOR 1
#define LIMBIC_VERSION_PATCH 0

// LIMBIC_RESTRICT: nothing else points to this memory. LIMBIC_INLINE: inlined whatever the compiler thinks.
#if defined(__GNUC__)
#define LIMBIC_RESTRICT __restrict__
#define LIMBIC_INLINE inline __attribute__((always_inline))
#else
#error "limbic is written for g++ (12 or newer) and clang++ (14 or newer)"
#endif

// Defined where AddressSanitizer watches.
#if defined(__SANITIZE_ADDRESS__)
#define LIMBIC_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMBIC_ASAN 1
#endif
#endif

namespace limbic {

// Every size, index and stride. Signed: differences of sizes are ordinary numbers.
using index_t = std::int64_t;

}  // namespace limbic

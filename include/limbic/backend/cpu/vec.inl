// Vectors of T = float or double as wide as the instruction set (see isa.hpp), included by vec.hpp.
//
//   Vec<T>, kLanes<T>     the vector, how many numbers it holds
//   load, store           unaligned; load_part, store_part: the first n only, nothing else is touched
//   hsum, hmax            over the lanes, in an order fixed by the instruction set
//   for_vectors           a loop over n numbers whose body is written once for full and partial vectors
#include <limbic/core/math_float.inl>

using VecF = float __attribute__((vector_size(kVectorBytes)));
using VecD = double __attribute__((vector_size(kVectorBytes)));
using VecI = int __attribute__((vector_size(kVectorBytes)));
using VecL = long long __attribute__((vector_size(kVectorBytes)));
using VecU = unsigned __attribute__((vector_size(kVectorBytes)));
using VecFloat = FloatMath<VecF, VecI, VecU>;

template <class T>
struct VecOf;
template <>
struct VecOf<float> {
  using Type = VecF;
  using Mask = VecI;
};
template <>
struct VecOf<double> {
  using Type = VecD;
  using Mask = VecL;
};
template <class T>
using Vec = typename VecOf<T>::Type;
template <class T>
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
LIMBIC_INLINE Vec<T> splat(T c) {
  return Vec<T>{} + c;
}
template <class T>
LIMBIC_INLINE Vec<T> load(const T* p) {
  Vec<T> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
LIMBIC_INLINE void store(T* p, Vec<T> v) {
  __builtin_memcpy(p, &v, sizeof v);
}

template <class T>
LIMBIC_INLINE Vec<T> vmax(Vec<T> a, Vec<T> b) {
  return a > b ? a : b;
}

// Lane l of the result is all ones where l < n.
template <class T>
LIMBIC_INLINE typename VecOf<T>::Mask first_lanes(int n) {
  typename VecOf<T>::Mask lane;
  for (int l = 0; l < kLanes<T>; ++l) lane[l] = l;
  return (typename VecOf<T>::Mask)(lane < n);
}

// p[0], ..., p[n-1], then lanes of `fill`. 0 <= n <= kLanes.
template <class T>
LIMBIC_INLINE Vec<T> load_part(const T* p, int n, Vec<T> fill) {
#if defined(__x86_64__)
  if constexpr (kIsa == Isa::avx512 && sizeof(T) == 4) {
    return __builtin_ia32_loadups512_mask(p, fill, static_cast<unsigned short>((1u << n) - 1u));
  } else if constexpr (kIsa == Isa::avx512) {
    return __builtin_ia32_loadupd512_mask(p, fill, static_cast<unsigned char>((1u << n) - 1u));
  } else if constexpr (kIsa == Isa::avx2) {
    const auto mask = first_lanes<T>(n);
    Vec<T> v;
    if constexpr (sizeof(T) == 4) v = __builtin_ia32_maskloadps256((const Vec<T>*)p, mask);
    else v = __builtin_ia32_maskloadpd256((const Vec<T>*)p, mask);
    return mask ? v : fill;
  } else
#endif
  {
    for (int l = 0; l < n; ++l) fill[l] = p[l];
    return fill;
  }
}

// p[0], ..., p[n-1] = the first lanes of v.
template <class T>
LIMBIC_INLINE void store_part(T* p, int n, Vec<T> v) {
#if defined(__x86_64__)
  if constexpr (kIsa == Isa::avx512 && sizeof(T) == 4) {
    __builtin_ia32_storeups512_mask(p, v, static_cast<unsigned short>((1u << n) - 1u));
  } else if constexpr (kIsa == Isa::avx512) {
    __builtin_ia32_storeupd512_mask(p, v, static_cast<unsigned char>((1u << n) - 1u));
  } else if constexpr (kIsa == Isa::avx2 && sizeof(T) == 4) {
    __builtin_ia32_maskstoreps256((Vec<T>*)p, first_lanes<T>(n), v);
  } else if constexpr (kIsa == Isa::avx2) {
    __builtin_ia32_maskstorepd256((Vec<T>*)p, first_lanes<T>(n), v);
  } else
#endif
  {
    for (int l = 0; l < n; ++l) p[l] = v[l];
  }
}

// What the body of for_vectors sees: how to load and store at its place; keep() replaces lanes past the end.
template <class T>
struct FullVector {
  LIMBIC_INLINE Vec<T> load(const T* p, T = T(0)) const {
    Vec<T> v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  LIMBIC_INLINE void store(T* p, Vec<T> v) const { __builtin_memcpy(p, &v, sizeof v); }
  LIMBIC_INLINE Vec<T> keep(Vec<T> v, T = T(0)) const { return v; }
};
template <class T>
struct PartVector {
  int n;
  LIMBIC_INLINE Vec<T> load(const T* p, T fill = T(0)) const { return load_part(p, n, splat(fill)); }
  LIMBIC_INLINE void store(T* p, Vec<T> v) const { store_part(p, n, v); }
  LIMBIC_INLINE Vec<T> keep(Vec<T> v, T other = T(0)) const { return first_lanes<T>(n) ? v : splat(other); }
};

// body(i, at) for i = 0, kLanes, 2 kLanes ... below n; at.load(p + i, fill), at.store(p + i, v).
template <class T, class Body>
LIMBIC_INLINE void for_vectors(index_t n, Body&& body) {
  index_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) body(i, FullVector<T>{});
  if (i < n) body(i, PartVector<T>{static_cast<int>(n - i)});
}

template <bool kMax, class T>
LIMBIC_INLINE Vec<T> join(Vec<T> a, Vec<T> b) {
  return kMax ? vmax<T>(a, b) : a + b;
}
// The sum, or the maximum, of the vectors that body(i, at) gives, from `start`; four at a time, since one
// chain of additions would wait for itself.
template <bool kMax, class T, class Body>
LIMBIC_INLINE Vec<T> fold(index_t n, Vec<T> start, Body&& body) {
  constexpr index_t kWidth = kLanes<T>;
  Vec<T> a = start, b = start, c = start, d = start;
  index_t i = 0;
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
    a = join<kMax, T>(a, body(i, FullVector<T>{}));
    b = join<kMax, T>(b, body(i + kWidth, FullVector<T>{}));
    c = join<kMax, T>(c, body(i + 2 * kWidth, FullVector<T>{}));
    d = join<kMax, T>(d, body(i + 3 * kWidth, FullVector<T>{}));
  }
  for (; i + kWidth <= n; i += kWidth) a = join<kMax, T>(a, body(i, FullVector<T>{}));
  if (i < n) b = join<kMax, T>(b, body(i, PartVector<T>{static_cast<int>(n - i)}));
  return join<kMax, T>(join<kMax, T>(a, b), join<kMax, T>(c, d));
}
template <class T, class Body>
LIMBIC_INLINE Vec<T> sum_vectors(index_t n, Body&& body) {
  return fold<false, T>(n, Vec<T>{}, body);
}

// Lane l of the result is lane l ^ s of v.
template <class T, int s, std::size_t... l>
LIMBIC_INLINE Vec<T> swap_lanes(Vec<T> v, std::index_sequence<l...>) {
  return __builtin_shufflevector(v, v, static_cast<int>(l ^ s)...);
}
template <class T, int s = kLanes<T> / 2>
LIMBIC_INLINE T hsum(Vec<T> v) {
  if constexpr (s == 0) return v[0];
  else return hsum<T, s / 2>(v + swap_lanes<T, s>(v, std::make_index_sequence<kLanes<T>>{}));
}
template <class T, int s = kLanes<T> / 2>
LIMBIC_INLINE T hmax(Vec<T> v) {
  if constexpr (s == 0) return v[0];
  else return hmax<T, s / 2>(vmax<T>(v, swap_lanes<T, s>(v, std::make_index_sequence<kLanes<T>>{})));
}

// f(integral_constant 0), ..., f(integral_constant n - 1): an unrolled loop, whatever the optimiser thinks.
template <int n, class F>
LIMBIC_INLINE void unrolled(F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) LIMBIC_LAMBDA {
    (f(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, n>{});
}

// Lane l of the result is lane Pattern::at(l, kLanes) of (a, b).
template <class T, class Pattern, std::size_t... l>
LIMBIC_INLINE Vec<T> pick_lanes(Vec<T> a, Vec<T> b, std::index_sequence<l...>) {
  return __builtin_shufflevector(a, b, Pattern::at(static_cast<int>(l), kLanes<T>)...);
}
template <class T, class Pattern>
LIMBIC_INLINE Vec<T> pick(Vec<T> a, Vec<T> b) {
  return pick_lanes<T, Pattern>(a, b, std::make_index_sequence<kLanes<T>>{});
}
// s x s blocks of lanes: the even ones of a and of b in turn, or the odd ones.
template <int s, bool kOdd>
struct Blocks {
  static constexpr int at(int l, int width) {
    return (l & s) != 0 ? width + l - (kOdd ? 0 : s) : l + (kOdd ? s : 0);
  }
};
// Exchanges the off-diagonal s x s blocks of rows a and b: one step of a transposition.
template <class T, int s>
LIMBIC_INLINE void exchange(Vec<T>& a, Vec<T>& b) {
  const Vec<T> low = pick<T, Blocks<s, false>>(a, b), high = pick<T, Blocks<s, true>>(a, b);
  a = low;
  b = high;
}
// In every four lanes: a0 b0 a1 b1, or a2 b2 a3 b3.
template <bool kHigh>
struct Interleaved {
  static constexpr int at(int l, int width) {
    return (l & ~3) + (kHigh ? 2 : 0) + (l & 3) / 2 + ((l & 1) != 0 ? width : 0);
  }
};
// Of a then of b, quarters 0 and 2, or 1 and 3.
template <bool kOdd>
struct Quarters {
  static constexpr int at(int l, int width) {
    const int quarter = width / 4, of = l / quarter % 2;
    return (l >= width / 2 ? width : 0) + (2 * of + (kOdd ? 1 : 0)) * quarter + l % quarter;
  }
};

// v as a kLanes x kLanes matrix, transposed: first inside 16 bytes, then these as units. Each step is one
// cheap instruction of x86, unlike general two-vector permutations.
template <class T>
LIMBIC_INLINE void transpose(Vec<T>* v) {
  constexpr int kUnit = 16 / static_cast<int>(sizeof(T)), kUnits = kLanes<T> / kUnit;
  if constexpr (kUnit == 2) {
    unrolled<kUnits>([&](auto u) LIMBIC_LAMBDA { exchange<T, 1>(v[2 * u], v[2 * u + 1]); });
  } else {
    unrolled<kUnits>([&](auto u) LIMBIC_LAMBDA {
      Vec<T>* r = v + 4 * u;
      Vec<T> a = pick<T, Interleaved<false>>(r[0], r[1]), b = pick<T, Interleaved<true>>(r[0], r[1]);
      Vec<T> c = pick<T, Interleaved<false>>(r[2], r[3]), d = pick<T, Interleaved<true>>(r[2], r[3]);
      exchange<T, 2>(a, c);
      exchange<T, 2>(b, d);
      r[0] = a, r[1] = c, r[2] = b, r[3] = d;
    });
  }
  if constexpr (kUnits == 2) {
    unrolled<kUnit>([&](auto i) LIMBIC_LAMBDA { exchange<T, kUnit>(v[i], v[i + kUnit]); });
  } else if constexpr (kUnits == 4) {
    unrolled<kUnit>([&](auto i) LIMBIC_LAMBDA {
      Vec<T>& a = v[i];
      Vec<T>& b = v[i + kUnit];
      Vec<T>& c = v[i + 2 * kUnit];
      Vec<T>& d = v[i + 3 * kUnit];
      exchange<T, 2 * kUnit>(a, b);
      exchange<T, 2 * kUnit>(c, d);
      const Vec<T> even = pick<T, Quarters<false>>(a, c), odd = pick<T, Quarters<true>>(a, c);
      const Vec<T> even2 = pick<T, Quarters<false>>(b, d), odd2 = pick<T, Quarters<true>>(b, d);
      a = even, b = odd, c = even2, d = odd2;
    });
  }
}

// Lane r of the result is the maximum or sum over the lanes of v[r]; overwrites v[0 .. kLanes).
template <bool kMax, class T, int s = kLanes<T> / 2>
LIMBIC_INLINE Vec<T> reduce_lanes(Vec<T>* v) {
  if constexpr (s == 0) {
    return v[0];
  } else {
    unrolled<s>([&](auto i) LIMBIC_LAMBDA {
      exchange<T, s>(v[i], v[i + s]);
      v[i] = join<kMax, T>(v[i], v[i + s]);
    });
    return reduce_lanes<kMax, T, s / 2>(v);
  }
}
// to[i] = the maximum or sum over the lanes of row(i), for i < rows; writes up to the next multiple of
// kLanes. Many rows together have no chain of dependent instructions, unlike hmax and hsum of each.
template <bool kMax, class T, class Row>
LIMBIC_INLINE void reduce_rows(index_t rows, T* to, Row&& row) {
  for (index_t i = 0; i < rows; i += kLanes<T>) {
    Vec<T> v[kLanes<T>];
    for (int l = 0; l < kLanes<T>; ++l) v[l] = i + l < rows ? row(i + l) : Vec<T>{};
    store<T>(to + i, reduce_lanes<kMax, T>(v));
  }
}

template <class T>
LIMBIC_INLINE Vec<T> vlog(Vec<T> x) {
  if constexpr (sizeof(T) == 4) {
    return VecFloat::log(x);
  } else {
    for (int l = 0; l < kLanes<T>; ++l) x[l] = std::log(x[l]);
    return x;
  }
}

template <class T>
LIMBIC_INLINE Vec<T> vexp(Vec<T> x) {
  if constexpr (sizeof(T) == 4) {
    return VecFloat::exp(x);
  } else {
    for (int l = 0; l < kLanes<T>; ++l) x[l] = std::exp(x[l]);
    return x;
  }
}

template <class T>
inline constexpr T kLog2e = T(1.44269504088896340736);

// e^x for x <= 0 (or NaN), within |x| 2^-25 and a little of itself; 0 where that is below the normal
// numbers. e^x = 2^n 2^r, 2^r = 1 + r p(r), |r| <= 1/2.
template <class T>
LIMBIC_INLINE Vec<T> vexp_negative(Vec<T> x) {
  if constexpr (sizeof(T) == 4) {
    const Vec<T> shifted = x * kLog2e<T> + 12583039.0f;  // 1.5 2^23 + 127: the low bits are those of 2^n
    const Vec<T> n = shifted - 12583039.0f;
    const Vec<T> r = x * kLog2e<T> - n;
    Vec<T> p = r * 1.53773624e-4f + 1.33881241e-3f;
    p = p * r + 9.61832236e-3f;
    p = p * r + 5.55036589e-2f;
    p = p * r + 0.240226492f;
    p = p * r + 0.693147182f;
    p = p * r + 1.0f;
    const Vec<T> y = p * VecFloat::from_bits(VecFloat::bits(shifted) << 23);
    const Vec<T> zero{};
    return shifted < 12582913.0f ? zero : y;
  } else {
    for (int l = 0; l < kLanes<T>; ++l) x[l] = std::exp(x[l]);
    return x;
  }
}

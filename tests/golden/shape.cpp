// Views, joins, indexing and products.
#include <limbic/ops/ops.hpp>

#include "golden/case.hpp"

namespace limbic::golden {

template <class D>
void add_shape(DeviceRegistry<D>& r) {
  r.add("reshape", [](auto& c) { c.y(reshape(c.x("x"), c.dims("shape"))); });
  r.add("permute", [](auto& c) { c.y(permute(c.x("x"), c.dims("dims"))); });
  r.add("slice",
        [](auto& c) { c.y(slice(c.x("x"), c.integer("dim"), c.integer("start"), c.integer("end"))); });
  r.add("concat", [](auto& c) { c.y(concat({c.x("a"), c.x("b")}, c.integer("dim"))); });
  r.add("stack", [](auto& c) { c.y(stack({c.x("a"), c.x("b")}, c.integer("dim"))); });
  r.add("gather", [](auto& c) { c.y(gather(c.x("x"), c.integer("dim"), c.index("index"))); });
  r.add("index_select", [](auto& c) { c.y(index_select(c.x("x"), c.integer("dim"), c.index("index"))); });
  r.add("embedding", [](auto& c) { c.y(embedding(c.x("weight"), c.index("index"))); });
  r.add("matmul", [](auto& c) { c.y(matmul(c.x("a"), c.x("b"))); });
  r.add("linear", [](auto& c) { c.y(linear(c.x("x"), c.x("weight"), c.x("bias"))); });
}

template void add_shape(DeviceRegistry<LIMBIC_GOLDEN_DEVICE>&);

}  // namespace limbic::golden

#include <limbic/limbic.hpp>

#include <cstdio>

int threads_seen_by_other();

int main() {
  // Both files must see one and the same pool.
  limbic::set_num_threads(3);
  if (threads_seen_by_other() != 3) return 1;
  std::printf("limbic %d.%d.%d\n", LIMBIC_VERSION_MAJOR, LIMBIC_VERSION_MINOR, LIMBIC_VERSION_PATCH);
}

#include <limbic/limbic.hpp>

int threads_seen_by_other() { return limbic::num_threads(); }

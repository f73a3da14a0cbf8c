#include <limbic/io/npz.hpp>

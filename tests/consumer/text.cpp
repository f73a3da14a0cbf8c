#include <limbic/text/clip_tokenizer.hpp>

// What libFuzzer calls. The folder with keys and certificates comes by the environment, as libFuzzer owns the arguments.
#include <cstdlib>

#include "world.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
	static const char* folder = getenv("FUZZ_KEYS");
	if (folder == nullptr) abort();
	fuzz::run_input(data, size, folder);
	return 0;
}

// Counts this thread's allocations: this executable's malloc, calloc, realloc and posix_memalign stand before the C library's.
#pragma once
#include <stdint.h>

/// Allocations by the calling thread since it started; negative where they cannot be counted.
int64_t allocation_count(void);

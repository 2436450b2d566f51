#include "rnnkit_build.h"

// The Makefile says it through the environment, which Package.swift reads.
#ifndef RNNKIT_COMMIT
#define RNNKIT_COMMIT ""
#endif

const char *rnnkit_build_commit(void) { return RNNKIT_COMMIT; }

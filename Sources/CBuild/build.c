#include "rnnkit_build.h"

// The Makefile sets it in the environment; Package.swift passes it on.
#ifndef RNNKIT_COMMIT
#define RNNKIT_COMMIT ""
#endif

const char *rnnkit_build_commit(void) { return RNNKIT_COMMIT; }

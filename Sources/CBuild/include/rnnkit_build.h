#pragma once

/// The commit that this was built from, "" where the build was not told; ends in "-dirty" where files differ from it.
const char *rnnkit_build_commit(void);

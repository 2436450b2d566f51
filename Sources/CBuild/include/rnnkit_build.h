#pragma once

/// The commit that this was built from. It is "" if the build does not know it, and ends in "-dirty" if files were changed.
const char *rnnkit_build_commit(void);

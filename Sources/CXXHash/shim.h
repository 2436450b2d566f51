// XXH3-64, the checksum of the native format.
#include <xxhash.h>

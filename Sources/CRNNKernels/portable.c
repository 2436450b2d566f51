// For any processor; on 64-bit ARM this is the NEON path, whose registers the compiler splits the vectors into.
#include "CRNNKernels.h"

#define ISA portable
#if defined(__x86_64__) && !defined(__FMA__)
#define FMA_IS_A_CALL
#endif
#define WIDEST_TILE 2
#define TALLEST_TILE(panels) 2
#define MAXIMUM_TILE 4
#define SINGLE_PANELS 4
#define TOGETHER(panels) 1
#define PACKS 0
#define SMALL_TILE 12
#define IN_STEP 1
#define MOST_UNITS 1
#define BYTE_ROWS 2
#define BYTE_PANELS 2
#include "body/body.h"

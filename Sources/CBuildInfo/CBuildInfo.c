#include "CBuildInfo.h"

#ifndef HYPERSENDER_REVISION
#define HYPERSENDER_REVISION "unknown"
#endif

const char *hypersender_revision(void) { return HYPERSENDER_REVISION; }

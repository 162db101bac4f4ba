#include "CBuildInfo.h"

const char *exporter_version(void) { return EXPORTER_VERSION; }
const char *exporter_revision(void) { return EXPORTER_REVISION; }

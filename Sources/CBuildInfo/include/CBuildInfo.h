#pragma once

/// The commit this program was built from, or "unknown".
const char *hypersender_revision(void);

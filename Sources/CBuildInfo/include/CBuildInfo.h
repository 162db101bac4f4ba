#pragma once

/// The version of this program, such as 0.2.0; see deploy/package/version.
const char *exporter_version(void);
/// The commit this program was built from, or "unknown".
const char *exporter_revision(void);

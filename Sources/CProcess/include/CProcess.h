#pragma once

// Glibc's Swift module does not have it.
#include <malloc.h>

/// Unmaps the pages of program text, of the program and its libraries, until they are next used.
///
/// They are pages of files, unchanged: the system maps them again as they are needed.
void hypersender_release_text(void);

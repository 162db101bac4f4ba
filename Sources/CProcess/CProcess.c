#define _GNU_SOURCE
#include "CProcess.h"

#include <nss.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void hypersender_forbid_core_dumps(void) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_DUMPABLE, 0);
}

void hypersender_resolve_alone(void) {
    // Where the program was started by the kernel itself, and not by a loader of libraries, it is static.
    if (getauxval(AT_BASE) == 0) {
        __nss_configure_lookup("hosts", "files dns");
    }
}

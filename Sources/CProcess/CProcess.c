#define _GNU_SOURCE
#include "CProcess.h"

#include <link.h>
#include <nss.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int release(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    uintptr_t page = *(uintptr_t *)context;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        // Text only: it is never written to. Other segments hold addresses that were relocated, and would be lost.
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) && !(segment->p_flags & PF_W)) {
            uintptr_t start = object->dlpi_addr + segment->p_vaddr;
            uintptr_t end = (start + segment->p_memsz + page - 1) & ~(page - 1);
            start &= ~(page - 1);
            madvise((void *)start, end - start, MADV_DONTNEED);
        }
    }
    return 0;
}

void hypersender_release_text(void) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    dl_iterate_phdr(release, &page);
}

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

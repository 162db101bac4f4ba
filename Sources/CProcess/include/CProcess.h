#pragma once

// Glibc's Swift module does not have these.
#include <linux/magic.h>
#include <malloc.h>
#include <sys/statfs.h>

/// Keeps the process's memory out of core files, and from programs that the system passes core dumps to: those heed no limit (core(5)).
void hypersender_forbid_core_dumps(void);

/// Lets a static program resolve host names by /etc/hosts and DNS alone, whatever nsswitch.conf says.
///
/// The modules named there are libraries for the C library of the machine, and a program that brings its own must not load them: versions
/// that differ end it, or worse. To be called before any name is looked up; does nothing in a program that is not static.
void hypersender_resolve_alone(void);

#pragma once

// Glibc's Swift module does not have it.
#include <malloc.h>

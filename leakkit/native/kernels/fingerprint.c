/* Which sources this object was made of (see leakkit/native/build.py). */
#include "common.h"

#ifndef LK_FINGERPRINT
#define LK_FINGERPRINT ""
#endif

LK_EXPORT const char *lk_fingerprint(void) { return LK_FINGERPRINT; }

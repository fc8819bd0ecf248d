/* labprov sandbox: stand-in for libcudnn. SIMULATION, not NVIDIA software. It tells its versions and does nothing. */
#include <stddef.h>
#include <stdio.h>

char labprov_version[64] = "@LABPROV-VERSION@";
char labprov_cuda[64] = "@LABPROV-CUDA@";

size_t cudnnGetVersion(void) {
    unsigned major = 0, minor = 0, patch = 0;
    sscanf(labprov_version, "%u.%u.%u", &major, &minor, &patch);
    return major * 10000u + minor * 100u + patch;
}

size_t cudnnGetCudartVersion(void) {
    unsigned major = 0, minor = 0;
    sscanf(labprov_cuda, "%u.%u", &major, &minor);
    return major * 1000u + minor * 10u;
}

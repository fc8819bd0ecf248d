/* labprov sandbox: stand-in for libnccl. SIMULATION, not NVIDIA software. It tells its version and does nothing. */
#include <stdio.h>

/* As in the real one, so that a look into the file tells what it was built with. */
char labprov_says[64] = "NCCL version @LABPROV-VERSION@";

int ncclGetVersion(int *version) {
    int major = 0, minor = 0, patch = 0;
    sscanf(labprov_says, "NCCL version %d.%d.%d", &major, &minor, &patch);
    *version = major * 10000 + minor * 100 + patch;
    return 0;
}

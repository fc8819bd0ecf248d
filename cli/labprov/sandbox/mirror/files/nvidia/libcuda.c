/* labprov sandbox: stand-in for libcuda.so.1 and libnvidia-ml.so.1. SIMULATION, not NVIDIA software.
 * Enough of both to ask whether the driver answers, which version it is, and which GPUs there are. */
#include <strings.h>
#include "gpustate.h"

static struct gpu gpus[MAX_GPUS];
static int count = -1;

/* 0 when the driver answers, 1 when no module is loaded, 2 when it is of another version. */
static int driver_trouble(void) {
    char loaded[64];
    ask_for_module();
    if (!loaded_version(loaded)) return 1;
    if (strcmp(loaded, labprov_version)) return 2;
    count = find_gpus(gpus);
    return 0;
}

int cuInit(unsigned flags) {
    int trouble = driver_trouble();
    (void)flags;
    if (trouble) return trouble == 2 ? 803 : 999; /* system driver mismatch, unknown error */
    return count ? 0 : 100;                       /* no device */
}

int cuDriverGetVersion(int *version) {
    int major = 0, minor = 0;
    sscanf(labprov_cuda, "%d.%d", &major, &minor);
    *version = major * 1000 + minor * 10;
    return 0;
}

int cuDeviceGetCount(int *number) {
    if (count < 0) return 3; /* not initialised */
    *number = count;
    return 0;
}

int cuDeviceGet(int *device, int ordinal) {
    if (ordinal < 0 || ordinal >= count) return 101; /* invalid device */
    *device = ordinal;
    return 0;
}

int cuDeviceGetName(char *name, int size, int device) {
    if (device < 0 || device >= count) return 101;
    snprintf(name, size, "%s", model_of(&gpus[device])->name);
    return 0;
}

int nvmlInit_v2(void) {
    int trouble = driver_trouble();
    return trouble == 2 ? 18 : trouble ? 9 : 0;
}
int nvmlInit(void) { return nvmlInit_v2(); }
int nvmlShutdown(void) { return 0; }

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    snprintf(version, length, "%s", labprov_version);
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *number) {
    if (count < 0) return 1; /* uninitialised */
    *number = count;
    return 0;
}

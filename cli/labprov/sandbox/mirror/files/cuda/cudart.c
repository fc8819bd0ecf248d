/* labprov sandbox: stand-in for the CUDA runtime library. SIMULATION, not NVIDIA software. */
#include <dlfcn.h>
#include <stdio.h>

char labprov_version[64] = "@LABPROV-VERSION@";

/* Call a function of the driver library that fills in one int; 35 (insufficient driver) when there is none. */
static int ask_driver(const char *name, int *value) {
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    if (!driver) return 35;
    int (*init)(unsigned) = (int (*)(unsigned))dlsym(driver, "cuInit");
    int (*ask)(int *) = (int (*)(int *))dlsym(driver, name);
    int error = init ? init(0) : 35;
    return error ? error : ask ? ask(value) : 35;
}

int cudaGetDeviceCount(int *count) { *count = 0; return ask_driver("cuDeviceGetCount", count); }
int cudaDriverGetVersion(int *version) { *version = 0; return ask_driver("cuDriverGetVersion", version); }

int cudaRuntimeGetVersion(int *version) {
    int major = 0, minor = 0;
    sscanf(labprov_version, "%d.%d", &major, &minor);
    *version = major * 1000 + minor * 10;
    return 0;
}

const char *cudaGetErrorString(int error) {
    switch (error) {
        case 0: return "no error";
        case 35: return "CUDA driver version is insufficient for CUDA runtime version";
        case 100: return "no CUDA-capable device is detected";
        case 803: return "system has unsupported display driver / cuda driver combination";
        default: return "unknown error";
    }
}

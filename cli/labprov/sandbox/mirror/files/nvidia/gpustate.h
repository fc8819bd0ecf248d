/* labprov sandbox: what a simulated NVIDIA driver knows. Shared by the stand-ins for nvidia-smi, libcuda and NVML.
 *
 * On a node: the loaded version is read from /proc/driver/nvidia/version, the GPUs from /sys/bus/pci/devices.
 * In a container: both come from LABPROV_STATE, which the CDI specification mounts; a GPU is visible when its
 * device node /dev/nvidiaN is there. This is a simulation: nothing here talks to hardware.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LABPROV_STATE "/usr/lib/labprov-sandbox/gpus"
#define LABPROV_PCI "/sys/bus/pci/devices"
#define LABPROV_PROC "/proc/driver/nvidia/version"
#define MAX_GPUS 32

/* Filled in when the packages are made: the driver's version and the newest CUDA it supports ("13.0"). */
char labprov_version[64] = "@LABPROV-VERSION@";
char labprov_cuda[64] = "@LABPROV-CUDA@";

struct gpu { int minor; char slot[16], device[8], uuid[48]; };
struct model { const char *device, *name, *cc; int mib, watts; };

static const struct model models[] = {
    {"1b06", "NVIDIA GeForce GTX 1080 Ti", "6.1", 11264, 250},
    {"15f8", "Tesla P100-PCIE-16GB", "6.0", 16384, 250},
    {"1db4", "Tesla V100-PCIE-16GB", "7.0", 16384, 250},
    {"1db6", "Tesla V100-PCIE-32GB", "7.0", 32768, 250},
    {"1e04", "NVIDIA GeForce RTX 2080 Ti", "7.5", 11264, 250},
    {"1e07", "NVIDIA GeForce RTX 2080 Ti", "7.5", 11264, 250},
    {"1eb8", "Tesla T4", "7.5", 15360, 70},
    {"20b0", "NVIDIA A100-SXM4-40GB", "8.0", 40960, 400},
    {"20b2", "NVIDIA A100-SXM4-80GB", "8.0", 81920, 400},
    {"20b5", "NVIDIA A100 80GB PCIe", "8.0", 81920, 300},
    {"20f1", "NVIDIA A100-PCIE-40GB", "8.0", 40960, 250},
    {"2204", "NVIDIA GeForce RTX 3090", "8.6", 24576, 350},
    {"2230", "NVIDIA RTX A6000", "8.6", 49140, 300},
    {"2235", "NVIDIA A40", "8.6", 46068, 300},
    {"2330", "NVIDIA H100 80GB HBM3", "9.0", 81559, 700},
    {"2331", "NVIDIA H100 PCIe", "9.0", 81559, 350},
    {"2684", "NVIDIA GeForce RTX 4090", "8.9", 24564, 450},
    {"26b1", "NVIDIA RTX 6000 Ada Generation", "8.9", 49140, 300},
    {"26b9", "NVIDIA L40S", "8.9", 46068, 350},
    {"27b8", "NVIDIA L4", "8.9", 23034, 72},
    {"2901", "NVIDIA B200", "10.0", 183359, 1000},
    {"2b85", "NVIDIA GeForce RTX 5090", "12.0", 32607, 575},
    {"2bb5", "NVIDIA RTX PRO 6000 Blackwell Server Edition", "12.0", 97887, 600},
};
static const struct model unknown_model = {"", "NVIDIA Graphics Device", "0.0", 16384, 250};

static inline const struct model *model_of(const struct gpu *gpu) {
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].device, gpu->device)) return &models[i];
    return &unknown_model;
}

static inline int in_container(void) { return access(LABPROV_STATE, R_OK) == 0; }

static inline int read_line(const char *path, char *line, int size) {
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    int found = fgets(line, size, file) != NULL;
    fclose(file);
    if (found) line[strcspn(line, "\n")] = 0;
    return found;
}

/* The loaded module's version into `version` (64 bytes); 0 when no module is loaded. */
static inline int loaded_version(char *version) {
    char line[256];
    const char *after = in_container() ? "version " : "odule";
    if (!read_line(in_container() ? LABPROV_STATE : LABPROV_PROC, line, sizeof line)) return 0;
    for (char *at = strstr(line, after); at && *at; at++)
        if (isdigit((unsigned char)*at) && at[-1] == ' ' && sscanf(at, "%63[0-9.]", version) == 1 && strchr(version, '.'))
            return 1;
    return 0;
}

/* Every card has its own UUID: made of its slot and the machine's id, so that it stays the same over reboots. */
static inline void make_uuid(struct gpu *gpu) {
    char id[80] = "";
    unsigned long long a = 1469598103934665603ULL, b = 1099511628211ULL;
    read_line("/etc/machine-id", id, sizeof id);
    for (const char *text = gpu->slot; *text; text++) a = (a ^ (unsigned char)*text) * 1099511628211ULL;
    for (const char *text = id; *text; text++) a = (a ^ (unsigned char)*text) * 1099511628211ULL, b = (b ^ a) * 6364136223846793005ULL;
    snprintf(gpu->uuid, sizeof gpu->uuid, "GPU-%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff,
             (unsigned)a & 0xffff, (unsigned)(b >> 48), b & 0xffffffffffffULL);
}

static int by_slot(const void *a, const void *b) { return strcmp(((const struct gpu *)a)->slot, ((const struct gpu *)b)->slot); }

static inline int is_gpu(const char *slot, struct gpu *gpu) {
    char path[512], vendor[32] = "", class[32] = "", device[32] = "";
    snprintf(path, sizeof path, LABPROV_PCI "/%s/vendor", slot);
    if (!read_line(path, vendor, sizeof vendor) || strcasecmp(vendor, "0x10de")) return 0;
    snprintf(path, sizeof path, LABPROV_PCI "/%s/class", slot);
    if (!read_line(path, class, sizeof class) || strncmp(class, "0x03", 4)) return 0;
    snprintf(path, sizeof path, LABPROV_PCI "/%s/device", slot);
    if (!read_line(path, device, sizeof device)) return 0;
    snprintf(gpu->slot, sizeof gpu->slot, "%.15s", slot);
    snprintf(gpu->device, sizeof gpu->device, "%.7s", strncmp(device, "0x", 2) ? device : device + 2);
    for (char *c = gpu->device; *c; c++) *c = tolower((unsigned char)*c);
    make_uuid(gpu);
    return 1;
}

static inline int mounted_gpus(struct gpu *gpus) {
    char line[256], node[64];
    int count = 0;
    FILE *file = fopen(LABPROV_STATE, "re");
    while (file && count < MAX_GPUS && fgets(line, sizeof line, file)) {
        struct gpu *gpu = &gpus[count];
        if (sscanf(line, "gpu %d %15s %7s %47s", &gpu->minor, gpu->slot, gpu->device, gpu->uuid) != 4) continue;
        snprintf(node, sizeof node, "/dev/nvidia%d", gpu->minor);
        count += access(node, F_OK) == 0;
    }
    if (file) fclose(file);
    return count;
}

/* The visible GPUs into `gpus` (MAX_GPUS of them), in the order of their slots; returns how many. */
static inline int find_gpus(struct gpu *gpus) {
    if (in_container()) return mounted_gpus(gpus);
    int count = 0;
    DIR *folder = opendir(LABPROV_PCI);
    for (struct dirent *entry; folder && count < MAX_GPUS && (entry = readdir(folder));)
        if (entry->d_name[0] != '.') count += is_gpu(entry->d_name, &gpus[count]);
    if (folder) closedir(folder);
    qsort(gpus, count, sizeof *gpus, by_slot);
    for (int i = 0; i < count; i++) gpus[i].minor = i;
    return count;
}

/* As the real user-space part does: ask nvidia-modprobe (setuid root) to load the module and make the device nodes. */
static inline void ask_for_module(void) {
    if (in_container() || access("/usr/bin/nvidia-modprobe", X_OK)) return;
    pid_t child = fork();
    if (!child) {
        execl("/usr/bin/nvidia-modprobe", "nvidia-modprobe", "-c", "0", "-u", (char *)NULL);
        _exit(127);
    }
    if (child > 0) waitpid(child, NULL, 0);
}

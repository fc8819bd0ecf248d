/* labprov sandbox: stand-in for nvidia-smi. SIMULATION, not NVIDIA software: it reports simulated GPUs.
 * Statically linked, so that it runs in any image that a container is made of. */
#include <strings.h>
#include <time.h>
#include "gpustate.h"

static struct gpu gpus[MAX_GPUS];
static int count;

static int persistent(void) {
    char pid[32], path[64];
    if (!read_line("/run/nvidia-persistenced/nvidia-persistenced.pid", pid, sizeof pid)) return 0;
    snprintf(path, sizeof path, "/proc/%.20s", pid);
    return access(path, F_OK) == 0;
}

static void check_driver(void) {
    char loaded[64];
    ask_for_module();
    if (!loaded_version(loaded)) {
        puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
             "Make sure that the latest NVIDIA driver is installed and running.\n");
        exit(9);
    }
    if (strcmp(loaded, labprov_version)) {
        char library[64];
        strcpy(library, labprov_version);
        char *second = strchr(library, '.') ? strchr(strchr(library, '.') + 1, '.') : NULL;
        if (second) *second = 0;
        printf("Failed to initialize NVML: Driver/library version mismatch\nNVML library version: %s\n", library);
        exit(18);
    }
    if (!(count = find_gpus(gpus))) {
        puts("No devices were found");
        exit(6);
    }
}

static const char *plain_fields = "index name gpu_name uuid gpu_uuid driver_version compute_cap count pci.bus_id gpu_bus_id "
    "persistence_mode memory.total memory.used memory.free utilization.gpu temperature.gpu power.draw power.limit "
    "mig.mode.current ecc.mode.current serial pstate compute_mode display_active ";

static int known_field(const char *field) {
    char word[64];
    snprintf(word, sizeof word, "%.60s ", field);
    const char *at = strstr(plain_fields, word);
    return at && (at == plain_fields || at[-1] == ' ');
}

static const char *unit_of(const char *field) {
    if (!strncmp(field, "memory.", 7)) return "MiB";
    if (!strncmp(field, "utilization.", 12)) return "%";
    return strncmp(field, "power.", 6) ? "" : "W";
}

static void print_field(int index, const char *field, int units) {
    const struct gpu *gpu = &gpus[index];
    const struct model *model = model_of(gpu);
    const char *unit = unit_of(field);
    if (!strcmp(field, "index")) printf("%d", gpu->minor);
    else if (!strcmp(field, "name") || !strcmp(field, "gpu_name")) printf("%s", model->name);
    else if (!strcmp(field, "uuid") || !strcmp(field, "gpu_uuid")) printf("%s", gpu->uuid);
    else if (!strcmp(field, "driver_version")) printf("%s", labprov_version);
    else if (!strcmp(field, "compute_cap")) printf("%s", model->cc);
    else if (!strcmp(field, "count")) printf("%d", count);
    else if (!strcmp(field, "pci.bus_id") || !strcmp(field, "gpu_bus_id")) printf("0000%s", gpu->slot);
    else if (!strcmp(field, "persistence_mode")) printf(persistent() ? "Enabled" : "Disabled");
    else if (!strcmp(field, "memory.total") || !strcmp(field, "memory.free")) printf("%d", model->mib);
    else if (!strcmp(field, "memory.used") || !strcmp(field, "utilization.gpu")) printf("0");
    else if (!strcmp(field, "temperature.gpu")) printf("30");
    else if (!strcmp(field, "power.draw")) printf("25.00");
    else if (!strcmp(field, "power.limit")) printf("%d.00", model->watts);
    else if (!strcmp(field, "pstate")) printf("P8");
    else if (!strcmp(field, "compute_mode")) printf("Default");
    else if (!strcmp(field, "display_active")) printf("Disabled");
    else printf("[N/A]");
    if (units && *unit) printf(" %s", unit);
}

static int query(char *fields, const char *format, int only) {
    char *names[64];
    int wanted = 0, units = !strstr(format, "nounits");
    for (char *name = strtok(fields, ","); name && wanted < 64; name = strtok(NULL, ",")) {
        while (*name == ' ') name++;
        if (!known_field(name)) {
            printf("Field \"%s\" is not a valid field to query.\n\n", name);
            return 2;
        }
        names[wanted++] = name;
    }
    check_driver();
    if (!strstr(format, "noheader"))
        for (int i = 0; i < wanted; i++) {
            printf("%s%s", i ? ", " : "", names[i]);
            if (units && *unit_of(names[i])) printf(" [%s]", unit_of(names[i]));
            if (i == wanted - 1) putchar('\n');
        }
    for (int gpu = 0; gpu < count; gpu++)
        for (int i = 0; i < wanted && (only < 0 || only == gpu); i++) {
            if (i) printf(", ");
            print_field(gpu, names[i], units);
            if (i == wanted - 1) putchar('\n');
        }
    return 0;
}

static void table(void) {
    const char *line = "+-----------------------------------------------------------------------------------------+\n";
    char now[64];
    time_t seconds = time(NULL);
    strftime(now, sizeof now, "%a %b %e %H:%M:%S %Y", localtime(&seconds));
    printf("%s\n%s| NVIDIA-SMI %-18s Driver Version: %-16s CUDA Version: %-9s  |\n", now, line, labprov_version, labprov_version, labprov_cuda);
    printf("| %-87s |\n%s", "labprov sandbox SIMULATION: not NVIDIA software, simulated GPUs", line);
    for (int i = 0; i < count; i++) {
        const struct model *model = model_of(&gpus[i]);
        printf("| %3d  %-44s Persistence-M: %-3s  0000%-13s |\n", gpus[i].minor, model->name, persistent() ? "On" : "Off", gpus[i].slot);
        printf("|      P8   25W / %4dW      0MiB / %6dMiB      0%%      Default %23s|\n%s", model->watts, model->mib, "", line);
    }
    printf("| %-87s |\n| %-87s |\n%s", "Processes:", "  No running processes found", line);
}

static void list(int only) {
    for (int i = 0; i < count; i++)
        if (only < 0 || only == i) printf("GPU %d: %s (UUID: %s)\n", gpus[i].minor, model_of(&gpus[i])->name, gpus[i].uuid);
}

static void details(void) {
    printf("\n==============NVSMI LOG==============\n(labprov sandbox SIMULATION)\n\nDriver Version : %s\nCUDA Version : %s\nAttached GPUs : %d\n",
           labprov_version, labprov_cuda, count);
    for (int i = 0; i < count; i++)
        printf("GPU 0000%s\n    Product Name : %s\n    GPU UUID : %s\n    Persistence Mode : %s\n", gpus[i].slot,
               model_of(&gpus[i])->name, gpus[i].uuid, persistent() ? "Enabled" : "Disabled");
}

/* For nvidia-ctk: what a container must be told (see gpustate.h). */
static void state(void) {
    printf("version %s\n", labprov_version);
    for (int i = 0; i < count; i++) printf("gpu %d %s %s %s\n", gpus[i].minor, gpus[i].slot, gpus[i].device, gpus[i].uuid);
}

int main(int argc, char **argv) {
    char *fields = NULL, *processes = NULL;
    const char *format = "", *what = "table";
    int only = -1;
    for (int i = 1; i < argc; i++) {
        char *argument = argv[i], *value = strchr(argument, '=');
        if (!strncmp(argument, "--query-gpu=", 12)) fields = value + 1;
        else if (!strncmp(argument, "--query-compute-apps=", 21)) processes = value + 1;
        else if (!strncmp(argument, "--format=", 9)) format = value + 1;
        else if (!strncmp(argument, "--id=", 5)) only = atoi(value + 1);
        else if (!strcmp(argument, "-i") && i + 1 < argc) only = atoi(argv[++i]);
        else if (!strcmp(argument, "-pm") && i + 1 < argc) what = "persistence", i++;
        else if (!strcmp(argument, "-L") || !strcmp(argument, "--list-gpus")) what = "list";
        else if (!strcmp(argument, "-q") || !strcmp(argument, "--query")) what = "details";
        else if (!strcmp(argument, "--labprov-state")) what = "state";
        else if (!strcmp(argument, "--version")) what = "version";
        else if (!strcmp(argument, "-h") || !strcmp(argument, "--help")) what = "help";
        else {
            printf("Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n\n");
            return 2;
        }
    }
    if (!strcmp(what, "help")) return puts("nvidia-smi (labprov sandbox SIMULATION): -L, -q, -i N, --query-gpu=FIELDS --format=csv[,noheader][,nounits]") < 0;
    if (fields) return query(fields, format, only);
    check_driver();
    if (processes) { if (!strstr(format, "noheader")) puts(processes); }
    else if (!strcmp(what, "list")) list(only);
    else if (!strcmp(what, "details")) details();
    else if (!strcmp(what, "state")) state();
    else if (!strcmp(what, "persistence")) puts("labprov sandbox SIMULATION: use the nvidia-persistenced service");
    else if (!strcmp(what, "version")) printf("NVIDIA-SMI version  : %s (labprov sandbox SIMULATION)\nNVML version        : %.6s\nDRIVER version      : %s\nCUDA Version        : %s\n", labprov_version, labprov_version, labprov_version, labprov_cuda);
    else table();
    return 0;
}

/* labprov sandbox: stand-in for nvidia-modprobe (setuid root). SIMULATION, not NVIDIA software.
 * It asks the sandbox's simulated kernel side, which exists on sandbox nodes only, and says how that ended. */
#include <unistd.h>

int main(void) {
    char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    char *arguments[] = {"load-nvidia", NULL};
    if (setgid(0) || setuid(0)) return 1;
    execve("/usr/lib/labprov-sandbox/load-nvidia", arguments, environment);
    return 1;
}

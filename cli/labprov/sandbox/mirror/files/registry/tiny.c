/* The only program of the sandbox's stand-in image: what it is called as decides what it does. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words) {
    const char *name = strrchr(words[0], '/');
    (void)count;
    name = name ? name + 1 : words[0];
    if (strcmp(name, "true") == 0) return 0;
    if (strcmp(name, "false") == 0) {
        fputs("this program always fails\n", stderr);
        return 1;
    }
    if (strcmp(name, "sleep") == 0) for (;;) pause();
    puts("labprov sandbox: a stand-in image");
    return 0;
}

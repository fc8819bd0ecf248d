/* labprov sandbox: stand-in for one of NVIDIA's kernel modules. SIMULATION: it has no code, only what modinfo reads.
 * The kernel's own string (vermagic) is written over the row of @ signs when the package is installed. */
#define INFO(number, text) \
    static const char info_##number[] __attribute__((used, section(".modinfo"), aligned(1))) = text

INFO(1, "description=labprov sandbox simulation, not NVIDIA software");
INFO(2, "license=" LICENSE);
INFO(3, "version=" "@LABPROV-VERSION@\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
INFO(4, "name=" NAME);
INFO(5, "depends=" DEPENDS);
#ifdef ALIASES
INFO(6, "alias=pci:v000010DEd*sv*sd*bc06sc80i00*");
INFO(7, "alias=pci:v000010DEd*sv*sd*bc03sc02i00*");
INFO(8, "alias=pci:v000010DEd*sv*sd*bc03sc00i00*");
INFO(9, "alias=char-major-195-*");
#endif
INFO(10, "vermagic=@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@");

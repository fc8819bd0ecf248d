/* labprov sandbox: stand-in for cuDNN's header. SIMULATION, not NVIDIA software. */
#ifndef LABPROV_CUDNN_H
#define LABPROV_CUDNN_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
size_t cudnnGetVersion(void);
size_t cudnnGetCudartVersion(void);
#ifdef __cplusplus
}
#endif
#endif

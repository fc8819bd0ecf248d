/* labprov sandbox: stand-in for the CUDA runtime's header. SIMULATION, not NVIDIA software. */
#ifndef LABPROV_CUDA_RUNTIME_H
#define LABPROV_CUDA_RUNTIME_H
#include <stdlib.h>
#include "cuda.h"
#define CUDART_VERSION CUDA_VERSION
#define __global__
#define __device__
#define __host__
#ifdef __cplusplus
extern "C" {
#endif
typedef int cudaError_t;
#define cudaSuccess 0
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
const char *cudaGetErrorString(cudaError_t error);
static inline cudaError_t cudaDeviceSynchronize(void) { return cudaSuccess; }
#ifdef __cplusplus
}
#endif
#endif

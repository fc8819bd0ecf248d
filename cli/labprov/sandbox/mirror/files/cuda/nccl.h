/* labprov sandbox: stand-in for NCCL's header. SIMULATION, not NVIDIA software. */
#ifndef LABPROV_NCCL_H
#define LABPROV_NCCL_H
#ifdef __cplusplus
extern "C" {
#endif
typedef enum { ncclSuccess = 0 } ncclResult_t;
ncclResult_t ncclGetVersion(int *version);
#ifdef __cplusplus
}
#endif
#endif

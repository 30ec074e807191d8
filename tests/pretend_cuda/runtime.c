/* What torch asks of the CUDA runtime and driver while no kernel is launched and no memory is taken: answers of a
   machine with one GPU. The numbers of tensors lie on the CPU (device.py), so nothing else is needed; a function that
   is missing here falls through to the real library, which fails loudly. Built twice: to be preloaded, and as the
   driver that torch opens by its name. */

#include <stddef.h>
#include <string.h>

typedef int status; /* cudaError_t, CUresult: 0 is success */

enum { NUMBER = 13000, MAJOR_ATTRIBUTE = 75, INVALID_VALUE = 1 };
static char here; /* an address to hand out where a handle is wanted */
static int chosen; /* device */

/* ---- runtime: devices */

status cudaGetDeviceCount(int *n) { *n = 1; return 0; }
status cudaGetDevice(int *device) { *device = chosen; return 0; }
status cudaSetDevice(int device) { chosen = device; return 0; }
status cudaInitDevice(int device, unsigned a, unsigned b) { return 0; }
status cudaDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == MAJOR_ATTRIBUTE ? 9 : 1; return 0; }
status cudaGetDeviceProperties(void *properties, int device) { return 0; }
status cudaDriverGetVersion(int *version) { *version = NUMBER; return 0; }
status cudaRuntimeGetVersion(int *version) { *version = NUMBER; return 0; }
status cudaDeviceSynchronize(void) { return 0; }
status cudaDeviceCanAccessPeer(int *can, int a, int b) { *can = 0; return 0; }
status cudaDeviceGetPCIBusId(char *text, int length, int device) { if (length > 0) text[0] = 0; return 0; }

/* ---- runtime: errors */

status cudaGetLastError(void) { return 0; }
status cudaPeekAtLastError(void) { return 0; }
const char *cudaGetErrorString(status error) { return "the pretend device knows no such call"; }
const char *cudaGetErrorName(status error) { return "pretend"; }

/* ---- runtime: streams and events. All work is done when a call returns. */

status cudaDeviceGetStreamPriorityRange(int *least, int *greatest) { *least = 0; *greatest = -1; return 0; }
status cudaStreamCreateWithPriority(void **stream, unsigned flags, int priority) { *stream = &here; return 0; }
status cudaStreamGetPriority(void *stream, int *priority) { *priority = 0; return 0; }
status cudaStreamIsCapturing(void *stream, int *is) { *is = 0; return 0; }
status cudaStreamGetCaptureInfo(void *stream, int *is, void *a, void *b, void *c, void *d, void *e) { *is = 0; return 0; }
status cudaStreamSynchronize(void *stream) { return 0; }
status cudaStreamWaitEvent(void *stream, void *event, unsigned flags) { return 0; }
status cudaStreamQuery(void *stream) { return 0; }
status cudaStreamDestroy(void *stream) { return 0; }
status cudaThreadExchangeStreamCaptureMode(int *mode) { return 0; }
status cudaEventCreateWithFlags(void **event, unsigned flags) { *event = &here; return 0; }
status cudaEventRecord(void *event, void *stream) { return 0; }
status cudaEventRecordWithFlags(void *event, void *stream, unsigned flags) { return 0; }
status cudaEventQuery(void *event) { return 0; }
status cudaEventSynchronize(void *event) { return 0; }
status cudaEventDestroy(void *event) { return 0; }

/* ---- runtime: memory that is never taken */

status cudaMemGetInfo(size_t *free, size_t *total) { *free = *total = (size_t)80 << 30; return 0; }
status cudaFree(void *pointer) { return 0; }
status cudaPointerGetAttributes(void *attributes, const void *pointer) { return INVALID_VALUE; }
status cudaDeviceGetDefaultMemPool(void **pool, int device) { *pool = &here; return 0; }
status cudaMemPoolSetAttribute(void *pool, int attribute, void *value) { return 0; }
status cudaMemPoolGetAttribute(void *pool, int attribute, void *value) { return 0; }
status cudaGetDriverEntryPointByVersion(const char *name, void **found, unsigned version, unsigned long long flags, void *about)
{
    *found = NULL;
    return INVALID_VALUE;
}

/* ---- driver */

static status nothing(void) { return 0; }
status cuInit(unsigned flags) { return 0; }
status cuDriverGetVersion(int *version) { *version = NUMBER; return 0; }
status cuDeviceGetCount(int *n) { *n = 1; return 0; }
status cuCtxGetCurrent(void **context) { *context = &here; return 0; }
status cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { *flags = 0; *active = 1; return 0; }

/* By name: what has something to answer, and for all else a function that does nothing. */
status cuGetProcAddress(const char *name, void **found, int version, unsigned long long flags)
{
    static const struct { const char *name; void *function; } known[] = {
        { "cuDriverGetVersion", (void *)cuDriverGetVersion },
        { "cuDeviceGetCount", (void *)cuDeviceGetCount },
        { "cuCtxGetCurrent", (void *)cuCtxGetCurrent },
        { "cuDevicePrimaryCtxGetState", (void *)cuDevicePrimaryCtxGetState },
    };
    *found = (void *)nothing;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i].name))
            *found = known[i].function;
    return 0;
}

status cuGetProcAddress_v2(const char *name, void **found, int version, unsigned long long flags, void *about)
{
    return cuGetProcAddress(name, found, version, flags);
}

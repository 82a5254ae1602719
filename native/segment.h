// UDP segmentation offload (linux/udp.h, kernel 4.18), also where the headers are older than the kernel.

#ifndef FANLIGHT_SEGMENT_H
#define FANLIGHT_SEGMENT_H

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#endif

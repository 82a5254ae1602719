/*
 * The machine's limit: the same packets as the relay's, for each receiver encrypted with a key of its own and sent, and nothing
 * else. No sessions, no numbers to look up, no timers. A Node-API addon, so that the OpenSSL inside Node is the one that is measured.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

/* What we need of OpenSSL; the node executable exports it, and its headers are not everywhere. */
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
typedef struct evp_cipher_st EVP_CIPHER;
EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *);
const EVP_CIPHER *EVP_aes_128_gcm(void);
int EVP_EncryptInit_ex(EVP_CIPHER_CTX *, const EVP_CIPHER *, void *, const unsigned char *, const unsigned char *);
int EVP_EncryptUpdate(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);
int EVP_EncryptFinal_ex(EVP_CIPHER_CTX *, unsigned char *, int *);
int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *, int, int, void *);
#define GCM_GET_TAG 0x10

#define HEADER_BYTES 12
#define TAG_BYTES 16
#define MAX_PACKET_BYTES 1500
#define MAX_BURST 64
/* Linux: UDP_MAX_SEGMENTS is 64 or 128, and one datagram before its segmentation has at most 65,507 bytes. */
#define MAX_SEGMENTS 40
/* Messages in one system call; together with their packets small enough for the second-level cache. */
#define MESSAGES_AT_ONCE 128

struct outgoing {
  struct mmsghdr headers[MESSAGES_AT_ONCE];
  struct iovec vectors[MESSAGES_AT_ONCE];
  char control[MESSAGES_AT_ONCE][CMSG_SPACE(sizeof(uint16_t))];
  unsigned char bytes[MESSAGES_AT_ONCE * MAX_PACKET_BYTES];
  size_t used;
  unsigned count;
  int descriptor;
  uint64_t failed;
};

static void flush(struct outgoing *out) {
  unsigned sent = 0;
  while (sent < out->count) {
    int result = sendmmsg(out->descriptor, out->headers + sent, out->count - sent, 0);
    if (result < 0) {
      if (errno == EINTR) continue;
      out->failed++;
      result = 1;
    }
    sent += (unsigned)result;
  }
  out->count = 0;
  out->used = 0;
}

/* Queues the bytes from `begin` on as one message; with `segment` they are a run of packets of that size. */
static void queue(struct outgoing *out, struct sockaddr_in *to, unsigned char *begin, size_t length, uint16_t segment) {
  unsigned at = out->count++;
  out->vectors[at] = (struct iovec){.iov_base = begin, .iov_len = length};
  struct msghdr *header = &out->headers[at].msg_hdr;
  memset(header, 0, sizeof *header);
  header->msg_name = to;
  header->msg_namelen = sizeof *to;
  header->msg_iov = &out->vectors[at];
  header->msg_iovlen = 1;
  if (segment == 0) return;
  header->msg_control = out->control[at];
  header->msg_controllen = sizeof out->control[at];
  struct cmsghdr *control = CMSG_FIRSTHDR(header);
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  memcpy(CMSG_DATA(control), &segment, sizeof segment);
}

static unsigned char payload[MAX_PACKET_BYTES];

/* RFC 7714: the header is authenticated, the payload encrypted, the IV made of the packet's number. */
static size_t protect(EVP_CIPHER_CTX *cipher, uint64_t number, size_t payload_bytes, unsigned char *to) {
  unsigned char iv[12] = {0};
  int length = 0;
  memset(to, 0, HEADER_BYTES);
  to[0] = 0x80;
  to[2] = (unsigned char)(number >> 8);
  to[3] = (unsigned char)number;
  memcpy(iv + 4, &number, sizeof number);
  EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, iv);
  EVP_EncryptUpdate(cipher, NULL, &length, to, HEADER_BYTES);
  EVP_EncryptUpdate(cipher, to + HEADER_BYTES, &length, payload, (int)payload_bytes);
  EVP_EncryptFinal_ex(cipher, to + HEADER_BYTES + length, &length);
  EVP_CIPHER_CTX_ctrl(cipher, GCM_GET_TAG, TAG_BYTES, to + HEADER_BYTES + payload_bytes);
  return HEADER_BYTES + payload_bytes + TAG_BYTES;
}

/* One burst (a frame, or an audio packet) to one receiver. A run ends before a packet that is larger, and after one that is smaller. */
static void send_burst(struct outgoing *out, EVP_CIPHER_CTX *cipher, struct sockaddr_in *to, uint64_t number,
                       const int32_t *sizes, unsigned count, int segmented) {
  unsigned place = 0;
  while (place < count) {
    if (out->count == MESSAGES_AT_ONCE || sizeof out->bytes - out->used < (size_t)MAX_SEGMENTS * MAX_PACKET_BYTES) flush(out);
    unsigned char *begin = out->bytes + out->used;
    size_t segment = (size_t)sizes[place] + HEADER_BYTES + TAG_BYTES;
    size_t length = 0;
    unsigned run = 0;
    do {
      size_t written = protect(cipher, number + place, (size_t)sizes[place], begin + length);
      length += written;
      place++;
      run++;
      if (written < segment) break;
    } while (segmented && run < MAX_SEGMENTS && place < count && sizes[place] <= sizes[place - 1]);
    queue(out, to, begin, length, run > 1 ? (uint16_t)segment : 0);
    out->used += length;
  }
}

static double thread_cpu_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int int32s(napi_env env, napi_value value, int32_t **data, size_t *length) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, length, (void **)data, NULL, NULL) == napi_ok && type == napi_int32_array;
}

/*
 * measure(ports: Int32Array, bursts: Int32Array, cycles: number, segmented: boolean) → Float64Array [packets, CPU µs, failed sends].
 * `bursts` holds for each burst its number of packets and then their payload sizes.
 */
static napi_value measure(napi_env env, napi_callback_info info) {
  size_t argument_count = 4;
  napi_value arguments[4];
  int32_t *ports, *bursts, cycles;
  size_t receivers, burst_length;
  bool segmented;
  if (napi_get_cb_info(env, info, &argument_count, arguments, NULL, NULL) != napi_ok || argument_count != 4 ||
      !int32s(env, arguments[0], &ports, &receivers) || !int32s(env, arguments[1], &bursts, &burst_length) ||
      napi_get_value_int32(env, arguments[2], &cycles) != napi_ok || napi_get_value_bool(env, arguments[3], &segmented) != napi_ok) {
    napi_throw_type_error(env, NULL, "measure(Int32Array, Int32Array, number, boolean)");
    return NULL;
  }
  struct outgoing *out = calloc(1, sizeof *out);
  struct sockaddr_in *addresses = calloc(receivers, sizeof *addresses);
  EVP_CIPHER_CTX **ciphers = calloc(receivers, sizeof *ciphers);
  out->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int buffer_bytes = 4 * 1024 * 1024;
  setsockopt(out->descriptor, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
  for (size_t at = 0; at < receivers; at++) {
    unsigned char key[16] = {0};
    memcpy(key, &at, sizeof at);
    addresses[at] = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)ports[at]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ciphers[at] = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(ciphers[at], EVP_aes_128_gcm(), NULL, key, NULL);
  }

  uint64_t number = 0;
  double packets = 0;
  double began_us = thread_cpu_us();
  for (int32_t cycle = 0; cycle < cycles; cycle++) {
    for (size_t at = 0; at < burst_length;) {
      unsigned count = (unsigned)bursts[at];
      if (count > MAX_BURST || at + 1 + count > burst_length) break;
      for (size_t receiver = 0; receiver < receivers; receiver++) {
        send_burst(out, ciphers[receiver], &addresses[receiver], number, bursts + at + 1, count, segmented);
      }
      /* As the relay would: a burst is sent before the next one comes. */
      flush(out);
      number += count;
      packets += (double)count * (double)receivers;
      at += 1 + count;
    }
  }
  double spent_us = thread_cpu_us() - began_us;

  for (size_t at = 0; at < receivers; at++) EVP_CIPHER_CTX_free(ciphers[at]);
  close(out->descriptor);
  double results[] = {packets, spent_us, (double)out->failed};
  free(ciphers);
  free(addresses);
  free(out);

  void *memory;
  napi_value buffer, array;
  napi_create_arraybuffer(env, sizeof results, &memory, &buffer);
  memcpy(memory, results, sizeof results);
  napi_create_typedarray(env, napi_float64_array, 3, buffer, 0, &array);
  return array;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "measure", NAPI_AUTO_LENGTH, measure, NULL, &function);
  napi_set_named_property(env, exports, "measure", function);
  return exports;
}

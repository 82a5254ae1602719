/*
 * A socket filter for viewers who only count: RTP is dropped before it is queued, and the kernel counts it; STUN, DTLS and RTCP
 * come through. A Node-API addon, because Node has no door to SO_ATTACH_FILTER.
 */

#include <linux/filter.h>
#include <node_api.h>
#include <sys/socket.h>

#define ACCEPT 0xffff
#define DROP 0
/* The filter sees the UDP header first. */
#define PAYLOAD 8

/* RFC 7983 §7: first byte 128 to 191 is RTP or RTCP; RFC 5761 §4: second byte 192 to 223 is RTCP. */
static struct sock_filter program[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, PAYLOAD),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 128, 0, 5),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 191, 4, 0),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, PAYLOAD + 1),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 192, 0, 1),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 223, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, DROP),
    BPF_STMT(BPF_RET | BPF_K, ACCEPT),
};

/* attach(descriptor: number) → whether the kernel took it. */
static napi_value attach(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  int32_t descriptor = -1;
  struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_int32(env, argument, &descriptor) != napi_ok) {
    napi_throw_type_error(env, NULL, "attach(number)");
    return NULL;
  }
  int failed = setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
  napi_get_boolean(env, failed == 0, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "attach", NAPI_AUTO_LENGTH, attach, NULL, &function);
  napi_set_named_property(env, exports, "attach", function);
  return exports;
}

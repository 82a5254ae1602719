// Tests of the native engine that need no Node and no network: what the kernel may answer, and a fuzz of the door. The
// kernel and OpenSSL are replaced below. `node native/test.js` builds it with AddressSanitizer and UndefinedBehaviorSanitizer.

#define sendmmsg fake_sendmmsg
#define sendmsg fake_sendmsg
#define setsockopt fake_setsockopt
#include "members.c"
#include "outbox.c"
#undef sendmmsg
#undef sendmsg
#undef setsockopt

#include <stdio.h>
#include <time.h>

#include "openssl.h"

// ---- OpenSSL, without secrets ----

struct evp_cipher_ctx_st {
  int unused;
};

EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void) { return calloc(1, sizeof(EVP_CIPHER_CTX)); }
void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *ctx) { free(ctx); }
const EVP_CIPHER *EVP_aes_128_gcm(void) { return NULL; }
const EVP_CIPHER *EVP_aes_128_ctr(void) { return NULL; }

int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *ctx, int type, int arg, void *ptr) {
  (void)ctx;
  (void)type;
  memset(ptr, 0xee, (size_t)arg);
  return 1;
}

int EVP_EncryptInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, ENGINE *impl, const unsigned char *key,
                       const unsigned char *iv) {
  (void)ctx;
  (void)cipher;
  (void)impl;
  (void)key;
  (void)iv;
  return 1;
}

int EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *length, const unsigned char *in, int in_length) {
  (void)ctx;
  if (out) memmove(out, in, (size_t)in_length);
  *length = in_length;
  return 1;
}

int EVP_EncryptFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *length) {
  (void)ctx;
  (void)out;
  *length = 0;
  return 1;
}

int SHA1_Init(SHA_CTX *c) {
  memset(c, 0, sizeof *c);
  return 1;
}

int SHA1_Update(SHA_CTX *c, const void *data, size_t length) {
  const uint8_t *bytes = data;
  for (size_t at = 0; at < length; at++) c->h0 += bytes[at];
  return 1;
}

int SHA1_Final(unsigned char *md, SHA_CTX *c) {
  memset(md, (int)(c->h0 & 0xff), 20);
  return 1;
}

// ---- the kernel ----

/** What it answers to the next calls: an error number, or 0 to take up to `takes` messages. */
static int answers[16];
static int answer_count, answer_next;
static unsigned takes;
/** What it took. */
static unsigned packets_taken, messages_taken, calls, largest_message;
static size_t bytes_taken;

static int next_answer(void) { return answer_next < answer_count ? answers[answer_next++] : 0; }

static unsigned segments_of(const struct msghdr *message) {
  if (message->msg_controllen == 0) return 1;
  uint16_t size;
  memcpy(&size, CMSG_DATA((struct cmsghdr *)message->msg_control), sizeof size);
  return (unsigned)((message->msg_iov->iov_len + size - 1) / size);
}

static void take(const struct msghdr *message) {
  unsigned segments = segments_of(message);
  packets_taken += segments;
  messages_taken++;
  bytes_taken += message->msg_iov->iov_len;
  if (segments > largest_message) largest_message = segments;
  // Reads every byte: what is not ours is found by the sanitizer.
  volatile uint8_t sum = 0;
  const uint8_t *bytes = message->msg_iov->iov_base;
  for (size_t at = 0; at < message->msg_iov->iov_len; at++) sum = (uint8_t)(sum + bytes[at]);
}

int fake_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
  (void)fd;
  (void)flags;
  calls++;
  int error = next_answer();
  if (error) {
    errno = error;
    return -1;
  }
  unsigned taken = takes && takes < count ? takes : count;
  for (unsigned at = 0; at < taken; at++) take(&messages[at].msg_hdr);
  return (int)taken;
}

ssize_t fake_sendmsg(int fd, const struct msghdr *message, int flags) {
  (void)fd;
  (void)flags;
  calls++;
  int error = next_answer();
  if (error) {
    errno = error;
    return -1;
  }
  take(message);
  return (ssize_t)message->msg_iov->iov_len;
}

static int segment_option = 0;

int fake_setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
  (void)fd;
  (void)level;
  (void)name;
  (void)value;
  (void)length;
  return segment_option;
}

static void kernel_answers(int count, const int *given) {
  answer_count = count;
  answer_next = 0;
  takes = packets_taken = messages_taken = calls = largest_message = 0;
  bytes_taken = 0;
  for (int at = 0; at < count; at++) answers[at] = given[at];
}

// ---- the tests ----

static int failures;

#define EXPECT(condition)                                                \
  do {                                                                   \
    if (!(condition)) {                                                  \
      failures++;                                                        \
      fprintf(stderr, "%s:%d: %s\n", __func__, __LINE__, #condition);    \
    }                                                                    \
  } while (0)

static const uint8_t KEYS[FANOUT_KEYS] = {1, 2, 3};
static uint8_t batch[FANOUT_MAX_BATCH * (FANOUT_RECORD_HEADER + FANOUT_MAX_PAYLOAD)];

static size_t add_record(size_t at, uint64_t index, size_t payload) {
  uint8_t *bytes = batch + at;
  memset(bytes, 0, FANOUT_RECORD_HEADER + payload);
  bytes[0] = (uint8_t)payload;
  bytes[1] = (uint8_t)(payload >> 8);
  bytes[2] = 1;
  for (int byte = 0; byte < 8; byte++) bytes[8 + byte] = (uint8_t)(index >> (8 * byte));
  return at + FANOUT_RECORD_HEADER + payload;
}

/** An engine with members that all receive video. */
static fanout *with_members(unsigned count, uint32_t *group) {
  fanout *engine = fanout_create(0, true, true, "test");
  *group = (uint32_t)fanout_group_add(engine);
  for (unsigned at = 0; at < count; at++) {
    int profile = at % 2 ? FANOUT_AES_CM_SHA1_80 : FANOUT_AES_GCM;
    uint32_t member = (uint32_t)fanout_member_add(engine, *group, profile, KEYS, sizeof KEYS);
    fanout_route route = {.ssrc = at, .payload_type = 96, .mid = {'v'}, .mid_length = 1, .mid_id = 1};
    EXPECT(fanout_member_move(engine, member, "127.0.0.1", 9) == FANOUT_OK);
    EXPECT(fanout_route_set(engine, member, 1, &route) == FANOUT_OK);
  }
  return engine;
}

static size_t frame(unsigned packets) {
  size_t length = 0;
  for (unsigned at = 0; at < packets; at++) length = add_record(length, at, 1000);
  return length;
}

static void sends_a_frame_to_each_member_in_one_message(void) {
  uint32_t group;
  fanout *engine = with_members(10, &group);
  kernel_answers(0, NULL);
  EXPECT(fanout_send(engine, group, batch, frame(6)) == FANOUT_OK);
  EXPECT(packets_taken == 60 && messages_taken == 10 && calls == 1);
  fanout_counters count;
  fanout_count(engine, &count);
  EXPECT(count.packets_sent == 60 && count.bytes_sent == bytes_taken);
  fanout_destroy(engine);
}

static void goes_on_where_the_kernel_stopped(void) {
  uint32_t group;
  fanout *engine = with_members(10, &group);
  const int interrupted[] = {EINTR, 0, EINTR};
  kernel_answers(3, interrupted);
  takes = 3;
  EXPECT(fanout_send(engine, group, batch, frame(2)) == FANOUT_OK);
  EXPECT(packets_taken == 20 && calls == 6);
  fanout_destroy(engine);
}

static void counts_what_the_kernel_has_no_room_for_and_does_not_wait(void) {
  uint32_t group;
  fanout *engine = with_members(10, &group);
  const int full[] = {0, EAGAIN};
  kernel_answers(2, full);
  takes = 4;
  EXPECT(fanout_send(engine, group, batch, frame(2)) == FANOUT_OK);
  EXPECT(packets_taken == 8 && calls == 2);
  fanout_counters count;
  fanout_count(engine, &count);
  EXPECT(count.packets_sent == 8 && count.packets_blocked == 12 && count.packets_failed == 0);
  // It began with the second: the fifth was the last one for whom there was room.
  fanout_member_counters member;
  EXPECT(fanout_member_count(engine, 4, &member) == FANOUT_OK && member.dropped == 0);
  EXPECT(fanout_member_count(engine, 5, &member) == FANOUT_OK && member.dropped == 2);
  fanout_destroy(engine);
}

static void leaves_out_a_member_that_cannot_be_reached(void) {
  uint32_t group;
  fanout *engine = with_members(3, &group);
  const int unreachable[] = {EHOSTUNREACH};
  kernel_answers(1, unreachable);
  EXPECT(fanout_send(engine, group, batch, frame(1)) == FANOUT_OK);
  EXPECT(packets_taken == 2);
  fanout_counters count;
  fanout_count(engine, &count);
  EXPECT(count.packets_failed == 1 && count.packets_sent == 2);
  fanout_destroy(engine);
}

static void sends_apart_from_then_on_to_whom_the_kernel_cannot_cut_for(void) {
  const int errors[] = {EIO, EINVAL, EMSGSIZE, EOPNOTSUPP};
  for (size_t each = 0; each < sizeof errors / sizeof *errors; each++) {
    uint32_t group;
    fanout *engine = with_members(3, &group);
    kernel_answers(1, &errors[each]);
    EXPECT(fanout_send(engine, group, batch, frame(4)) == FANOUT_OK);
    EXPECT(packets_taken == 12 && largest_message == 4);
    kernel_answers(0, NULL);
    EXPECT(fanout_send(engine, group, batch, frame(4)) == FANOUT_OK);
    EXPECT(packets_taken == 12 && messages_taken == 4 + 1 + 1);
    // Elsewhere it may be another way.
    for (uint32_t member = 0; member < 3; member++) fanout_member_move(engine, member, "127.0.0.1", 10);
    kernel_answers(0, NULL);
    EXPECT(fanout_send(engine, group, batch, frame(4)) == FANOUT_OK);
    EXPECT(messages_taken == 3);
    fanout_destroy(engine);
  }
}

static void lets_another_member_go_without_each_time(void) {
  uint32_t group;
  fanout *engine = with_members(4, &group);
  for (int round = 0; round < 4; round++) {
    const int full[] = {0, EAGAIN};
    kernel_answers(2, full);
    takes = 3;
    EXPECT(fanout_send(engine, group, batch, frame(1)) == FANOUT_OK);
  }
  for (uint32_t member = 0; member < 4; member++) {
    fanout_member_counters count;
    EXPECT(fanout_member_count(engine, member, &count) == FANOUT_OK && count.dropped == 1);
  }
  fanout_destroy(engine);
}

static void asks_the_kernel_whether_it_can_cut_messages(void) {
  uint32_t group;
  segment_option = -1;
  fanout *engine = with_members(1, &group);
  segment_option = 0;
  kernel_answers(0, NULL);
  EXPECT(!fanout_segments(engine));
  EXPECT(fanout_send(engine, group, batch, frame(3)) == FANOUT_OK);
  EXPECT(messages_taken == 3);
  fanout_destroy(engine);
}

static void refuses_what_is_malformed_at_the_door(void) {
  uint32_t group;
  fanout *engine = with_members(1, &group);
  kernel_answers(0, NULL);
  size_t length = frame(2);
  EXPECT(fanout_send(engine, group, batch, length - 1) == FANOUT_BAD_ARGUMENT);
  EXPECT(fanout_send(engine, group + 1, batch, length) == FANOUT_UNKNOWN);
  EXPECT(fanout_send(engine, group + 1000, batch, length) == FANOUT_UNKNOWN);
  batch[2] = FANOUT_SLOTS;
  EXPECT(fanout_send(engine, group, batch, length) == FANOUT_BAD_ARGUMENT);
  add_record(0, UINT64_C(1) << 48, 10);
  EXPECT(fanout_send(engine, group, batch, FANOUT_RECORD_HEADER + 10) == FANOUT_BAD_ARGUMENT);
  add_record(0, 1, 0);
  EXPECT(fanout_send(engine, group, batch, FANOUT_RECORD_HEADER) == FANOUT_BAD_ARGUMENT);
  EXPECT(packets_taken == 0);
  fanout_route route = {.payload_type = 128};
  EXPECT(fanout_route_set(engine, 0, 1, &route) == FANOUT_BAD_ARGUMENT);
  route = (fanout_route){.mid_id = 15, .mid_length = 1};
  EXPECT(fanout_route_set(engine, 0, 1, &route) == FANOUT_BAD_ARGUMENT);
  EXPECT(fanout_route_set(engine, 0, 2, &route) == FANOUT_BAD_ARGUMENT);
  EXPECT(fanout_member_add(engine, group, 3, KEYS, sizeof KEYS) == FANOUT_BAD_ARGUMENT);
  EXPECT(fanout_member_add(engine, group, 7, KEYS, sizeof KEYS - 1) == FANOUT_BAD_ARGUMENT);
  EXPECT(fanout_member_move(engine, 0, "example.org", 9) == FANOUT_BAD_ARGUMENT);
  EXPECT(fanout_group_remove(engine, group) == FANOUT_BAD_ARGUMENT);
  EXPECT(fanout_member_remove(engine, 5) == FANOUT_UNKNOWN);
  fanout_destroy(engine);
}

/** xorshift: the same for the same seed. */
static uint64_t state;
static uint32_t any(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16) % below;
}

/** Records that are nearly right: whole, with some bytes spoiled, cut off. */
static size_t any_batch(void) {
  size_t length = 0;
  uint32_t packets = any(8);
  for (uint32_t at = 0; at < packets; at++) length = add_record(length, any(1 << 20), 1 + any(FANOUT_MAX_PAYLOAD));
  for (uint32_t spoiled = any(6); spoiled > 0 && length > 0; spoiled--) {
    // Mostly in a record's header, where it matters.
    size_t place = any(2) ? any(FANOUT_RECORD_HEADER) : any((uint32_t)length);
    if (place < length) batch[place] = (uint8_t)any(256);
  }
  return any(3) ? length : (length ? any((uint32_t)length) : 0);
}

static void any_text(char *out, size_t capacity) {
  static const char *const texts[] = {"127.0.0.1", "::1", "fe80::1%lo", "::ffff:1.2.3.4", "", "x", "999.1.1.1"};
  snprintf(out, capacity, "%s", texts[any(7)]);
}

/** Everything that can be asked, in any order, with right and wrong numbers. */
static unsigned fuzz(double seconds, uint64_t seed) {
  unsigned steps = 0;
  clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);
  state = seed;
  while (clock() < end) {
    uint32_t group;
    fanout *engine = with_members(any(20), &group);
    for (int step = 0; step < 200; step++, steps++) {
      uint32_t member = any(24);
      const int answer[] = {any(8) ? 0 : EAGAIN, any(8) ? 0 : EIO, any(8) ? 0 : EINVAL};
      kernel_answers(3, answer);
      takes = any(4);
      size_t length = any_batch();
      switch (any(10)) {
        case 0:
        case 1:
          fanout_send(engine, any(3), batch, length);
          break;
        case 9:
          fanout_send_alone(engine, member, batch, length);
          break;
        case 2:
          fanout_repeat(engine, member, batch, length, (uint8_t)any(256), any(UINT32_MAX), any(UINT32_MAX));
          break;
        case 3:
          fanout_rtcp(engine, member, batch, any(FANOUT_MAX_RTCP + 20));
          break;
        case 4: {
          const uint32_t times[FANOUT_SLOTS] = {any(UINT32_MAX), any(UINT32_MAX)};
          fanout_report(engine, member, any(UINT32_MAX), any(UINT32_MAX), any(5), times);
          break;
        }
        case 5: {
          fanout_route route;
          uint8_t *bytes = (uint8_t *)&route;
          for (size_t at = 0; at < sizeof route; at++) bytes[at] = (uint8_t)(any(3) ? any(16) : any(256));
          fanout_route_set(engine, member, any(3), any(8) ? &route : NULL);
          break;
        }
        case 6:
          fanout_member_remove(engine, member);
          break;
        case 7: {
          char address[64];
          any_text(address, sizeof address);
          fanout_member_move(engine, member, address, (uint16_t)any(3));
          break;
        }
        default:
          if (any(2)) fanout_member_add(engine, any(3), any(2) ? 7 : (int)any(9), KEYS, sizeof KEYS - any(2));
          else if (any(2)) fanout_group_add(engine);
          else fanout_group_remove(engine, any(4));
      }
    }
    fanout_destroy(engine);
  }
  return steps;
}

int main(int count, char **given) {
  sends_a_frame_to_each_member_in_one_message();
  goes_on_where_the_kernel_stopped();
  counts_what_the_kernel_has_no_room_for_and_does_not_wait();
  leaves_out_a_member_that_cannot_be_reached();
  sends_apart_from_then_on_to_whom_the_kernel_cannot_cut_for();
  lets_another_member_go_without_each_time();
  asks_the_kernel_whether_it_can_cut_messages();
  refuses_what_is_malformed_at_the_door();
  double seconds = count > 1 ? atof(given[1]) : 1;
  uint64_t seed = count > 2 ? strtoull(given[2], NULL, 10) : (uint64_t)time(NULL) | 1;
  printf("fuzz: seed %llu\n", (unsigned long long)seed);
  fflush(stdout);
  unsigned steps = fuzz(seconds, seed);
  printf("fuzz: %u calls in %g s\n%s\n", steps, seconds, failures ? "FAILED" : "ok");
  return failures ? 1 : 0;
}

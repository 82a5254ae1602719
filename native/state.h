// The native engine's inside: its state, and what its files do for each other. addon.c must not see it.

#ifndef FANLIGHT_STATE_H
#define FANLIGHT_STATE_H

#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>

#include "fanout.h"
#include "srtp.h"

enum {
  RTP_HEADER = 12,
  /** Four bytes of block header, then mid, send time, orientation, audio level and capture time with a head of one byte each. */
  MAX_EXTENSIONS = 4 + (1 + FANOUT_MAX_MID) + (1 + 3) + 2 + 2 + (1 + 16) + 3,
  MAX_PACKET = RTP_HEADER + MAX_EXTENSIONS + 2 + FANOUT_MAX_PAYLOAD + SRTP_MAX_TAG,
  MAX_CAPTURE_TIME = 16,
  /** Messages in one system call, and bytes in all of them together: small enough to stay in the second-level cache. */
  MAX_MESSAGES = 128,
  OUT_BYTES = 256 * 1024,
  /** The kernel takes 64 segments, and a message of at most 65,507 bytes. */
  MAX_SEGMENTS = 60,
  MAX_MESSAGE_BYTES = 60000,
  /** A roll-over counter has 32 bits, so an index 48 (RFC 3711 §3.3.1). */
  INDEX_BITS = 48,
};

/** One packet of a batch. */
typedef struct {
  uint8_t slot, flags, orientation, audio_level, capture_time_length;
  uint32_t timestamp;
  /** 6.18 fixed point seconds (abs-send-time). */
  uint32_t send_time;
  uint64_t index;
  const uint8_t *capture_time;
  const uint8_t *payload;
  /** With padding, of which there are so many bytes. */
  size_t payload_length;
  uint8_t padding_length;
} record;

typedef struct {
  bool active;
  fanout_route config;
  uint64_t packets, octets;
} slot_state;

typedef struct {
  uint32_t group;
  /** Where it stands in its group. */
  uint32_t place;
  srtp_key *rtp, *rtcp;
  uint32_t rtcp_index;
  struct sockaddr_storage address;
  socklen_t address_length;
  slot_state slots[FANOUT_SLOTS];
  uint64_t dropped;
  /** The kernel refused to cut a message on the way to it: its packets leave apart. */
  bool apart;
} member_state;

typedef struct {
  bool used;
  uint32_t *members;
  uint32_t count, capacity;
  /** Who comes first at the next batch: when the kernel has no room for all, it is not always the same who go without. */
  uint32_t first;
} group_state;

struct fanout {
  int fd;
  bool is_ipv6, segments;
  fanout_counters counters;
  char cname[FANOUT_MAX_CNAME + 1];

  member_state **members;
  uint32_t member_capacity, member_count;
  /** Numbers that were given back. */
  uint32_t *free_members;
  uint32_t free_count;
  group_state *groups;
  uint32_t group_capacity, group_count;

  record records[FANOUT_MAX_BATCH];
  uint8_t out[OUT_BYTES];
  size_t out_length;
  struct mmsghdr messages[MAX_MESSAGES];
  struct iovec parts[MAX_MESSAGES];
  _Alignas(struct cmsghdr) char controls[MAX_MESSAGES][CMSG_SPACE(sizeof(uint16_t))];
  member_state *owners[MAX_MESSAGES];
  uint16_t segment_bytes[MAX_MESSAGES];
  uint32_t segment_counts[MAX_MESSAGES];
  uint32_t message_count;
  /** The newest message may be given more packets. */
  bool is_open;
};

static inline void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}

// ---- members.c ----

member_state *find_member(const fanout *engine, uint32_t member);
group_state *find_group(const fanout *engine, uint32_t group);

// ---- packets.c ----

/** Reads one record; the bytes that it took, or 0 when it is malformed. */
size_t read_record(const uint8_t *bytes, size_t length, record *out);
/** Writes header and extensions (RFC 3550 §5.1, RFC 8285 §4.2); their length, at most RTP_HEADER + MAX_EXTENSIONS. */
size_t write_header(uint8_t *at, const fanout_route *route, const record *packet, uint8_t payload_type,
                    uint32_t sequence, uint32_t ssrc, bool is_padded);

// ---- outbox.c ----

/** Room for one packet of at most `length` bytes; sends what waits when there is none. */
uint8_t *reserve(fanout *engine, size_t length);
/** The packet that was just written where `reserve` said is the member's, to be sent with the next flush. */
void queue(fanout *engine, member_state *member, size_t length);
/** Gives everything that is queued to the kernel. */
void flush(fanout *engine);

#endif

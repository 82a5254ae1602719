// The hot loop: packets × members. Writes each member's headers, encrypts, and hands runs of packets to the kernel in few calls.
// Whatever comes in is checked here, at the door; behind it nothing is allocated and nothing waits.

#define _GNU_SOURCE
#include "fanout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "srtp.h"

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
/** linux/udp.h, kernel 4.18. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

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
  SENDER_REPORT = 28,
  MAX_SDES = 8 + 4 * ((2 + FANOUT_MAX_CNAME + 1 + 3) / 4),
};

enum { MARKER = 1, HAS_ORIENTATION = 2, HAS_AUDIO_LEVEL = 4 };

/** One packet of a batch. */
typedef struct {
  uint8_t slot, flags, orientation, audio_level, capture_time_length;
  uint32_t timestamp;
  /** 6.18 fixed point seconds (abs-send-time). */
  uint32_t send_time;
  uint64_t index;
  const uint8_t *capture_time;
  const uint8_t *payload;
  size_t payload_length;
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
} member_state;

typedef struct {
  bool used;
  uint32_t *members;
  uint32_t count, capacity;
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

static uint32_t get16(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8; }

static uint32_t get32(const uint8_t *at) { return get16(at) | get16(at + 2) << 16; }

static void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}

// ---- members, groups and routes ----

fanout *fanout_create(int fd, bool is_ipv6, bool may_segment, const char *cname) {
  size_t length = strlen(cname);
  if (length == 0 || length > FANOUT_MAX_CNAME) return NULL;
  fanout *engine = calloc(1, sizeof *engine);
  if (!engine) return NULL;
  engine->fd = fd;
  engine->is_ipv6 = is_ipv6;
  memcpy(engine->cname, cname, length);
  // A kernel that does not know the option refuses it; one that knows it may still refuse a message later.
  int none = 0;
  engine->segments = may_segment && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &none, sizeof none) == 0;
  return engine;
}

static void free_member(member_state *member) {
  if (!member) return;
  srtp_key_free(member->rtp);
  srtp_key_free(member->rtcp);
  free(member);
}

void fanout_destroy(fanout *engine) {
  if (!engine) return;
  for (uint32_t at = 0; at < engine->member_capacity; at++) free_member(engine->members[at]);
  for (uint32_t at = 0; at < engine->group_capacity; at++) free(engine->groups[at].members);
  free(engine->members);
  free(engine->free_members);
  free(engine->groups);
  free(engine);
}

bool fanout_segments(const fanout *engine) { return engine->segments; }

void fanout_count(const fanout *engine, fanout_counters *out) { *out = engine->counters; }

uint32_t fanout_members(const fanout *engine) { return engine->member_count; }

uint32_t fanout_groups(const fanout *engine) { return engine->group_count; }

static member_state *find_member(const fanout *engine, uint32_t member) {
  return member < engine->member_capacity ? engine->members[member] : NULL;
}

static group_state *find_group(const fanout *engine, uint32_t group) {
  return group < engine->group_capacity && engine->groups[group].used ? &engine->groups[group] : NULL;
}

int64_t fanout_group_add(fanout *engine) {
  uint32_t at = 0;
  while (at < engine->group_capacity && engine->groups[at].used) at++;
  if (at == engine->group_capacity) {
    uint32_t capacity = at ? at * 2 : 8;
    group_state *groups = realloc(engine->groups, capacity * sizeof *groups);
    if (!groups) return FANOUT_NO_MEMORY;
    memset(groups + at, 0, (capacity - at) * sizeof *groups);
    engine->groups = groups;
    engine->group_capacity = capacity;
  }
  engine->groups[at].used = true;
  engine->group_count++;
  return at;
}

int fanout_group_remove(fanout *engine, uint32_t group) {
  group_state *state = find_group(engine, group);
  if (!state) return FANOUT_UNKNOWN;
  if (state->count > 0) return FANOUT_BAD_ARGUMENT;
  free(state->members);
  memset(state, 0, sizeof *state);
  engine->group_count--;
  return FANOUT_OK;
}

/** Room for one more member, in the engine and in the group. */
static bool make_room(fanout *engine, group_state *group) {
  if (engine->free_count == 0) {
    uint32_t before = engine->member_capacity, capacity = before ? before * 2 : 64;
    member_state **members = realloc(engine->members, capacity * sizeof *members);
    if (members) engine->members = members;
    uint32_t *free_members = realloc(engine->free_members, capacity * sizeof *free_members);
    if (free_members) engine->free_members = free_members;
    if (!members || !free_members) return false;
    for (uint32_t at = capacity; at > before; at--) {
      members[at - 1] = NULL;
      free_members[engine->free_count++] = at - 1;
    }
    engine->member_capacity = capacity;
  }
  if (group->count == group->capacity) {
    uint32_t capacity = group->capacity ? group->capacity * 2 : 16;
    uint32_t *members = realloc(group->members, capacity * sizeof *members);
    if (!members) return false;
    group->members = members;
    group->capacity = capacity;
  }
  return true;
}

int64_t fanout_member_add(fanout *engine, uint32_t group, int profile, const uint8_t *keys, size_t length) {
  group_state *state = find_group(engine, group);
  if (!state) return FANOUT_UNKNOWN;
  if (length != FANOUT_KEYS) return FANOUT_BAD_ARGUMENT;
  if (profile != FANOUT_AES_GCM && profile != FANOUT_AES_CM_SHA1_80) return FANOUT_BAD_ARGUMENT;
  if (!make_room(engine, state)) return FANOUT_NO_MEMORY;
  member_state *member = calloc(1, sizeof *member);
  if (!member) return FANOUT_NO_MEMORY;
  member->rtp = srtp_key_new(profile, keys);
  member->rtcp = srtp_key_new(profile, keys + SRTP_KEYS);
  if (!member->rtp || !member->rtcp) {
    free_member(member);
    return FANOUT_NO_MEMORY;
  }
  uint32_t number = engine->free_members[--engine->free_count];
  member->group = group;
  member->place = state->count;
  state->members[state->count++] = number;
  engine->members[number] = member;
  engine->member_count++;
  return number;
}

int fanout_member_remove(fanout *engine, uint32_t number) {
  member_state *member = find_member(engine, number);
  if (!member) return FANOUT_UNKNOWN;
  group_state *group = &engine->groups[member->group];
  uint32_t last = group->members[--group->count];
  group->members[member->place] = last;
  engine->members[last]->place = member->place;
  engine->members[number] = NULL;
  engine->free_members[engine->free_count++] = number;
  engine->member_count--;
  free_member(member);
  return FANOUT_OK;
}

int fanout_member_move(fanout *engine, uint32_t number, const char *address, uint16_t port) {
  member_state *member = find_member(engine, number);
  if (!member) return FANOUT_UNKNOWN;
  struct addrinfo hints = {.ai_family = engine->is_ipv6 ? AF_INET6 : AF_INET,
                           .ai_socktype = SOCK_DGRAM,
                           .ai_flags = AI_NUMERICHOST | (engine->is_ipv6 ? AI_V4MAPPED : 0)};
  struct addrinfo *found = NULL;
  if (port == 0 || getaddrinfo(address, NULL, &hints, &found) != 0 || !found) return FANOUT_BAD_ARGUMENT;
  memcpy(&member->address, found->ai_addr, found->ai_addrlen);
  member->address_length = found->ai_addrlen;
  freeaddrinfo(found);
  if (engine->is_ipv6) ((struct sockaddr_in6 *)&member->address)->sin6_port = htons(port);
  else ((struct sockaddr_in *)&member->address)->sin_port = htons(port);
  return FANOUT_OK;
}

int fanout_member_count(const fanout *engine, uint32_t number, fanout_member_counters *out) {
  const member_state *member = find_member(engine, number);
  if (!member) return FANOUT_UNKNOWN;
  for (int slot = 0; slot < FANOUT_SLOTS; slot++) {
    out->packets[slot] = member->slots[slot].packets;
    out->octets[slot] = member->slots[slot].octets;
  }
  out->dropped = member->dropped;
  return FANOUT_OK;
}

int fanout_route_set(fanout *engine, uint32_t number, uint32_t slot, const fanout_route *route) {
  member_state *member = find_member(engine, number);
  if (!member) return FANOUT_UNKNOWN;
  if (slot >= FANOUT_SLOTS) return FANOUT_BAD_ARGUMENT;
  if (!route) {
    member->slots[slot].active = false;
    return FANOUT_OK;
  }
  const uint8_t ids[] = {route->mid_id, route->send_time_id, route->orientation_id, route->audio_level_id,
                         route->capture_time_id};
  for (size_t at = 0; at < sizeof ids; at++) {
    if (ids[at] > 14) return FANOUT_BAD_ARGUMENT;
  }
  if (route->payload_type > 127 || route->mid_length > FANOUT_MAX_MID) return FANOUT_BAD_ARGUMENT;
  if (route->mid_id && route->mid_length == 0) return FANOUT_BAD_ARGUMENT;
  member->slots[slot].config = *route;
  member->slots[slot].active = true;
  return FANOUT_OK;
}

// ---- the door for packets ----

/**
 * Reads one record; the bytes that it took, or 0 when it is malformed. Little-endian:
 * 0 payload length (16) · 2 slot · 3 flags · 4 timestamp (32) · 8 canonical index (64) · 16 orientation · 17 audio level
 * · 18 length of capture time (0, 8 or 16) · 19 nothing · 20 capture time (16 bytes) · 36 send time (32) · 40 payload
 */
static size_t read_record(const uint8_t *bytes, size_t length, record *out) {
  if (length < FANOUT_RECORD_HEADER) return 0;
  out->payload_length = get16(bytes);
  if (out->payload_length == 0 || out->payload_length > FANOUT_MAX_PAYLOAD) return 0;
  if (length - FANOUT_RECORD_HEADER < out->payload_length) return 0;
  out->slot = bytes[2];
  out->flags = bytes[3];
  out->timestamp = get32(bytes + 4);
  out->index = (uint64_t)get32(bytes + 8) | (uint64_t)get32(bytes + 12) << 32;
  out->orientation = bytes[16];
  out->audio_level = bytes[17];
  out->capture_time_length = bytes[18];
  out->capture_time = bytes + 20;
  out->send_time = get32(bytes + 36);
  out->payload = bytes + FANOUT_RECORD_HEADER;
  if (out->slot >= FANOUT_SLOTS || out->index >> INDEX_BITS) return 0;
  uint8_t time = out->capture_time_length;
  if (time != 0 && time != 8 && time != MAX_CAPTURE_TIME) return 0;
  return FANOUT_RECORD_HEADER + out->payload_length;
}

/** The member's packet index for a record; false when it must not get it. */
static bool member_index(const slot_state *slot, const record *packet, uint64_t *index) {
  if (packet->index < slot->config.first_index) return false;
  // Both are far from the ends of 64 bits: the canonical one has 48.
  if (slot->config.index_offset > (INT64_C(1) << INDEX_BITS) || slot->config.index_offset < -(INT64_C(1) << INDEX_BITS)) {
    return false;
  }
  int64_t own = (int64_t)packet->index + slot->config.index_offset;
  if (own < 0 || own >> INDEX_BITS) return false;
  *index = (uint64_t)own;
  return true;
}

// ---- headers ----

static size_t put_element(uint8_t *at, uint8_t id, const uint8_t *value, size_t length) {
  at[0] = (uint8_t)((unsigned)id << 4 | (unsigned)(length - 1));
  memcpy(at + 1, value, length);
  return 1 + length;
}

/** Writes the header extensions of RFC 8285 §4.2 behind the fixed header; the bytes written, 0 without any. */
static size_t write_extensions(uint8_t *at, const fanout_route *route, const record *packet) {
  size_t length = 4;
  if (route->mid_id) length += put_element(at + length, route->mid_id, route->mid, route->mid_length);
  if (route->send_time_id) {
    const uint8_t time[3] = {(uint8_t)(packet->send_time >> 16), (uint8_t)(packet->send_time >> 8),
                             (uint8_t)packet->send_time};
    length += put_element(at + length, route->send_time_id, time, sizeof time);
  }
  if (route->orientation_id && packet->flags & HAS_ORIENTATION) {
    length += put_element(at + length, route->orientation_id, &packet->orientation, 1);
  }
  if (route->audio_level_id && packet->flags & HAS_AUDIO_LEVEL) {
    length += put_element(at + length, route->audio_level_id, &packet->audio_level, 1);
  }
  if (route->capture_time_id && packet->capture_time_length) {
    length += put_element(at + length, route->capture_time_id, packet->capture_time, packet->capture_time_length);
  }
  if (length == 4) return 0;
  while (length % 4) at[length++] = 0;
  put16(at, 0xbede);
  put16(at + 2, (uint32_t)(length / 4 - 1));
  return length;
}

/** Writes header and extensions; their length. */
static size_t write_header(uint8_t *at, const fanout_route *route, const record *packet, uint8_t payload_type,
                           uint32_t sequence, uint32_t ssrc) {
  size_t extensions = write_extensions(at + RTP_HEADER, route, packet);
  at[0] = extensions ? 0x90 : 0x80;
  at[1] = (uint8_t)((packet->flags & MARKER ? 0x80 : 0) | payload_type);
  put16(at + 2, sequence);
  put32(at + 4, packet->timestamp);
  put32(at + 8, ssrc);
  return RTP_HEADER + extensions;
}

// ---- to the kernel ----

static void count_sent(fanout *engine, uint32_t at) {
  engine->counters.packets_sent += engine->segment_counts[at];
  engine->counters.bytes_sent += engine->parts[at].iov_len;
}

static void count_refused(fanout *engine, uint32_t at, uint32_t packets, int error) {
  bool is_full = error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
  if (is_full) engine->counters.packets_blocked += packets;
  else engine->counters.packets_failed += packets;
  engine->owners[at]->dropped += packets;
}

/** Sends the packets of a message one by one, after the kernel refused to cut it. */
static void send_apart(fanout *engine, uint32_t at) {
  struct msghdr *whole = &engine->messages[at].msg_hdr;
  uint8_t *bytes = engine->parts[at].iov_base;
  size_t left = engine->parts[at].iov_len;
  while (left > 0) {
    size_t length = left < engine->segment_bytes[at] ? left : engine->segment_bytes[at];
    struct iovec part = {.iov_base = bytes, .iov_len = length};
    struct msghdr message = {
        .msg_name = whole->msg_name, .msg_namelen = whole->msg_namelen, .msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;
    do {
      sent = sendmsg(engine->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      engine->counters.system_calls++;
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) count_refused(engine, at, 1, errno);
    else {
      engine->counters.packets_sent++;
      engine->counters.bytes_sent += length;
    }
    bytes += length;
    left -= length;
  }
}

/** Whether an error may mean that the kernel or the device cannot cut messages. */
static bool refuses_segments(int error) {
  return error == EIO || error == EINVAL || error == EOPNOTSUPP || error == EMSGSIZE || error == ENOPROTOOPT;
}

static void flush(fanout *engine) {
  uint32_t at = 0;
  while (at < engine->message_count) {
    int sent = sendmmsg(engine->fd, engine->messages + at, engine->message_count - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    engine->counters.system_calls++;
    if (sent > 0) {
      for (int done = 0; done < sent; done++) count_sent(engine, at++);
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    int error = sent < 0 ? errno : EIO;
    if (engine->segment_counts[at] > 1 && refuses_segments(error)) {
      // EIO and EOPNOTSUPP are about the device, the others may be about this one path.
      if (error == EIO || error == EOPNOTSUPP || error == ENOPROTOOPT) engine->segments = false;
      send_apart(engine, at);
    } else {
      count_refused(engine, at, engine->segment_counts[at], error);
    }
    at++;
    // No room for one means no room for the next: each would cost a call for nothing.
    if (error == EAGAIN || error == EWOULDBLOCK) {
      for (; at < engine->message_count; at++) count_refused(engine, at, engine->segment_counts[at], error);
    }
  }
  engine->counters.messages += engine->message_count;
  engine->message_count = 0;
  engine->out_length = 0;
  engine->is_open = false;
}

/** The packet that was just written at the end of `out` joins the open message, or begins one. */
static void queue(fanout *engine, member_state *member, size_t length) {
  uint8_t *bytes = engine->out + engine->out_length;
  engine->out_length += length;
  uint32_t newest = engine->message_count - 1;
  if (engine->is_open && engine->owners[newest] == member && length <= engine->segment_bytes[newest] &&
      engine->segment_counts[newest] < MAX_SEGMENTS &&
      engine->parts[newest].iov_len + length <= MAX_MESSAGE_BYTES) {
    struct msghdr *message = &engine->messages[newest].msg_hdr;
    if (engine->segment_counts[newest]++ == 1) {
      struct cmsghdr *control = (struct cmsghdr *)engine->controls[newest];
      control->cmsg_level = SOL_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
      memcpy(CMSG_DATA(control), &engine->segment_bytes[newest], sizeof(uint16_t));
      message->msg_control = engine->controls[newest];
      message->msg_controllen = sizeof engine->controls[newest];
    }
    engine->parts[newest].iov_len += length;
    // All segments but the last are of one size.
    engine->is_open = length == engine->segment_bytes[newest];
    return;
  }
  uint32_t at = engine->message_count++;
  engine->parts[at].iov_base = bytes;
  engine->parts[at].iov_len = length;
  engine->owners[at] = member;
  engine->segment_bytes[at] = (uint16_t)length;
  engine->segment_counts[at] = 1;
  memset(&engine->messages[at], 0, sizeof engine->messages[at]);
  struct msghdr *message = &engine->messages[at].msg_hdr;
  message->msg_name = &member->address;
  message->msg_namelen = member->address_length;
  message->msg_iov = &engine->parts[at];
  message->msg_iovlen = 1;
  engine->is_open = engine->segments;
}

/** Room for one packet of `length` bytes; sends what waits when there is none. */
static uint8_t *reserve(fanout *engine, size_t length) {
  if (engine->message_count == MAX_MESSAGES || engine->out_length + length > OUT_BYTES) flush(engine);
  return engine->out + engine->out_length;
}

static void refuse_unreachable(fanout *engine, member_state *member) {
  engine->counters.packets_failed++;
  member->dropped++;
}

static void send_to(fanout *engine, member_state *member, const record *packet) {
  slot_state *slot = &member->slots[packet->slot];
  uint64_t index;
  if (!slot->active || !member_index(slot, packet, &index)) return;
  if (member->address_length == 0) {
    refuse_unreachable(engine, member);
    return;
  }
  const fanout_route *route = &slot->config;
  uint8_t *out = reserve(engine, MAX_PACKET);
  size_t header = write_header(out, route, packet, route->payload_type, (uint32_t)index & 0xffff, route->ssrc);
  size_t length =
      srtp_protect(member->rtp, out, header, packet->payload, packet->payload_length, route->ssrc, index);
  if (length == 0) {
    refuse_unreachable(engine, member);
    return;
  }
  slot->packets++;
  slot->octets += packet->payload_length;
  queue(engine, member, length);
}

int fanout_send(fanout *engine, uint32_t number, const uint8_t *batch, size_t length) {
  const group_state *group = find_group(engine, number);
  if (!group) return FANOUT_UNKNOWN;
  uint32_t count = 0;
  for (size_t offset = 0; offset < length; count++) {
    if (count == FANOUT_MAX_BATCH) return FANOUT_BAD_ARGUMENT;
    size_t taken = read_record(batch + offset, length - offset, &engine->records[count]);
    if (taken == 0) return FANOUT_BAD_ARGUMENT;
    offset += taken;
  }
  for (uint32_t at = 0; at < group->count; at++) {
    member_state *member = engine->members[group->members[at]];
    for (uint32_t packet = 0; packet < count; packet++) send_to(engine, member, &engine->records[packet]);
  }
  flush(engine);
  return FANOUT_OK;
}

int fanout_repeat(fanout *engine, uint32_t number, const uint8_t *bytes, size_t length,
                  uint8_t rtx_payload_type, uint32_t rtx_ssrc, uint64_t rtx_index) {
  member_state *member = find_member(engine, number);
  if (!member) return FANOUT_UNKNOWN;
  record packet;
  size_t taken = read_record(bytes, length, &packet);
  if (taken == 0 || taken != length) return FANOUT_BAD_ARGUMENT;
  if (rtx_payload_type > 127 || rtx_index >> INDEX_BITS) return FANOUT_BAD_ARGUMENT;
  if (rtx_payload_type == 0) {
    send_to(engine, member, &packet);
    flush(engine);
    return FANOUT_OK;
  }
  slot_state *slot = &member->slots[packet.slot];
  uint64_t index;
  if (!slot->active || !member_index(slot, &packet, &index)) return FANOUT_OK;
  if (member->address_length == 0) {
    refuse_unreachable(engine, member);
    return FANOUT_OK;
  }
  // RFC 4588 §4: the original sequence number, then the original payload.
  uint8_t payload[2 + FANOUT_MAX_PAYLOAD];
  put16(payload, (uint32_t)index & 0xffff);
  memcpy(payload + 2, packet.payload, packet.payload_length);
  uint8_t *out = reserve(engine, MAX_PACKET);
  size_t header = write_header(out, &slot->config, &packet, rtx_payload_type, (uint32_t)rtx_index & 0xffff, rtx_ssrc);
  size_t sealed = srtp_protect(member->rtp, out, header, payload, packet.payload_length + 2, rtx_ssrc, rtx_index);
  if (sealed) queue(engine, member, sealed);
  else refuse_unreachable(engine, member);
  flush(engine);
  return FANOUT_OK;
}

// ---- RTCP ----

/** Encrypts the packet that stands at `out`, which was reserved, and queues it. RTCP is not counted as packets sent. */
static void queue_rtcp(fanout *engine, member_state *member, uint8_t *out, size_t length) {
  // RFC 3711 §9.2: at most 2^31 SRTCP packets under one key.
  size_t sealed = member->rtcp_index > 0x7fffffff ? 0 : srtcp_protect(member->rtcp, out, length, member->rtcp_index++);
  if (sealed && member->address_length) queue(engine, member, sealed);
}

static void flush_rtcp(fanout *engine) {
  fanout_counters before = engine->counters;
  flush(engine);
  engine->counters.packets_sent = before.packets_sent;
  engine->counters.bytes_sent = before.bytes_sent;
}

int fanout_rtcp(fanout *engine, uint32_t number, const uint8_t *packet, size_t length) {
  member_state *member = find_member(engine, number);
  if (!member) return FANOUT_UNKNOWN;
  if (length < 8 || length > FANOUT_MAX_RTCP) return FANOUT_BAD_ARGUMENT;
  uint8_t *out = reserve(engine, length + SRTCP_MAX_TRAILER);
  memcpy(out, packet, length);
  queue_rtcp(engine, member, out, length);
  flush_rtcp(engine);
  return FANOUT_OK;
}

/** SDES with the CNAME (RFC 3550 §6.5); its length. */
static size_t write_sdes(const fanout *engine, uint8_t *at, uint32_t ssrc) {
  size_t name = strlen(engine->cname);
  // At least one zero byte ends the items, up to a multiple of four.
  size_t length = 8 + 4 * ((2 + name + 1 + 3) / 4);
  memset(at, 0, length);
  at[0] = 0x81;
  at[1] = 202;
  put16(at + 2, (uint32_t)(length / 4 - 1));
  put32(at + 4, ssrc);
  at[8] = 1;
  at[9] = (uint8_t)name;
  memcpy(at + 10, engine->cname, name);
  return length;
}

int fanout_report(fanout *engine, uint32_t number, uint32_t ntp_seconds, uint32_t ntp_fraction, uint32_t slots,
                  const uint32_t timestamps[FANOUT_SLOTS]) {
  member_state *member = find_member(engine, number);
  if (!member) return FANOUT_UNKNOWN;
  for (uint32_t at = 0; at < FANOUT_SLOTS; at++) {
    const slot_state *slot = &member->slots[at];
    if (!(slots >> at & 1) || !slot->active || slot->packets == 0) continue;
    uint8_t *out = reserve(engine, SENDER_REPORT + MAX_SDES + SRTCP_MAX_TRAILER);
    out[0] = 0x80;
    out[1] = 200;
    put16(out + 2, SENDER_REPORT / 4 - 1);
    put32(out + 4, slot->config.ssrc);
    put32(out + 8, ntp_seconds);
    put32(out + 12, ntp_fraction);
    put32(out + 16, timestamps[at]);
    put32(out + 20, (uint32_t)slot->packets);
    put32(out + 24, (uint32_t)slot->octets);
    size_t sdes = write_sdes(engine, out + SENDER_REPORT, slot->config.ssrc);
    queue_rtcp(engine, member, out, SENDER_REPORT + sdes);
  }
  flush_rtcp(engine);
  return FANOUT_OK;
}

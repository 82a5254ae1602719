// The fan-out engine in C: what a caller may ask of it. It heads, encrypts and sends packets to many members of a group.
// It knows no Node, no viewers and no SDP; addon.c ties it to Node-API.

#ifndef FANLIGHT_FANOUT_H
#define FANLIGHT_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  /** Media of one member: 0 audio, 1 video. */
  FANOUT_SLOTS = 2,
  /** Packets in one call. */
  FANOUT_MAX_BATCH = 64,
  /** Bytes of one RTP payload with its padding; more does not come over a network whose packets are at most 1500 bytes. */
  FANOUT_MAX_PAYLOAD = 2003,
  FANOUT_MAX_RTCP = 1400,
  FANOUT_MAX_MID = 16,
  FANOUT_MAX_CNAME = 64,
  /** Encryption key, authentication key and salt for RTP, then the same for RTCP. */
  FANOUT_KEYS = 2 * (16 + 20 + 14),
  /** Bytes before the payload in a record; the layout is in packets.c. */
  FANOUT_RECORD_HEADER = 40,
};

/** DTLS-SRTP protection profiles (RFC 5764 §4.1.2, RFC 7714 §14.2). */
enum { FANOUT_AES_CM_SHA1_80 = 1, FANOUT_AES_GCM = 7 };

/** What a call did not do. */
enum { FANOUT_OK = 0, FANOUT_BAD_ARGUMENT = -1, FANOUT_NO_MEMORY = -2, FANOUT_UNKNOWN = -3 };

typedef struct fanout fanout;

typedef struct {
  uint32_t ssrc;
  uint8_t payload_type;
  /** The member's packet index less the canonical one. */
  int64_t index_offset;
  /** Canonical index of the first packet that may go out: what came before it was never meant for this member. */
  uint64_t first_index;
  /** Canonical index from which on the group's packets go to it; those before were sent to it alone. */
  uint64_t live_index;
  uint8_t mid[FANOUT_MAX_MID];
  uint8_t mid_length;
  /** Ids of header extensions (RFC 8285, one byte): 1 to 14, 0 where not negotiated. */
  uint8_t mid_id, send_time_id, orientation_id, audio_level_id, capture_time_id;
} fanout_route;

typedef struct {
  uint64_t packets_sent, bytes_sent;
  /** The kernel had no room (EAGAIN, ENOBUFS). */
  uint64_t packets_blocked;
  /** It refused for another reason, or there is no address yet. */
  uint64_t packets_failed;
} fanout_counters;

typedef struct {
  uint64_t packets[FANOUT_SLOTS], octets[FANOUT_SLOTS];
  uint64_t dropped;
} fanout_member_counters;

/** `fd`: a bound UDP socket that stays the caller's. NULL when there is no memory, or OpenSSL lacks a cipher. */
fanout *fanout_create(int fd, bool is_ipv6, bool may_segment, const char *cname);
void fanout_destroy(fanout *engine);

/** Whether runs of packets leave as segments of one message (UDP GSO), to all members but those for which the kernel refused. */
bool fanout_segments(const fanout *engine);
void fanout_count(const fanout *engine, fanout_counters *out);
/** Members and groups that exist. */
uint32_t fanout_members(const fanout *engine);
uint32_t fanout_groups(const fanout *engine);

/** A new group's or member's number (0 and up), or a negative error. */
int64_t fanout_group_add(fanout *engine);
/** Its members must have been removed. */
int fanout_group_remove(fanout *engine, uint32_t group);
int64_t fanout_member_add(fanout *engine, uint32_t group, int profile, const uint8_t *keys, size_t length);
int fanout_member_remove(fanout *engine, uint32_t member);
/** `address`: an IPv4 or IPv6 literal, with a zone where it needs one. */
int fanout_member_move(fanout *engine, uint32_t member, const char *address, uint16_t port);
int fanout_member_count(const fanout *engine, uint32_t member, fanout_member_counters *out);
/** NULL stops the slot. */
int fanout_route_set(fanout *engine, uint32_t member, uint32_t slot, const fanout_route *route);

/** Sends a batch of records to every member of the group whose slot has a route. Nothing is sent of a malformed batch. */
int fanout_send(fanout *engine, uint32_t group, const uint8_t *batch, size_t length);
/** The same to one member alone, also of what lies before its live index. */
int fanout_send_alone(fanout *engine, uint32_t member, const uint8_t *batch, size_t length);
/**
 * Sends one record again to one member: as it was, byte for byte (another send time under the same number would
 * break AES-GCM), or with `rtx_payload_type` other than 0 under `rtx_ssrc` and
 * `rtx_index` as RFC 4588 says.
 */
int fanout_repeat(fanout *engine, uint32_t member, const uint8_t *record, size_t length, uint8_t rtx_payload_type,
                  uint32_t rtx_ssrc, uint64_t rtx_index);
/** Encrypts and sends an RTCP packet, compound or reduced-size. */
int fanout_rtcp(fanout *engine, uint32_t member, const uint8_t *packet, size_t length);
/** Sends sender reports of the slots in `slots` (bits) that have sent something, one packet each. */
int fanout_report(fanout *engine, uint32_t member, uint32_t ntp_seconds, uint32_t ntp_fraction, uint32_t slots,
                  const uint32_t timestamps[FANOUT_SLOTS]);

#endif

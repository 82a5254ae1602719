// The hot loop: packets × members. Nothing is allocated here and nothing waits; whatever comes in was checked at the door.

#include "state.h"

#include <string.h>

enum { SENDER_REPORT = 28, MAX_SDES = 8 + 4 * ((2 + FANOUT_MAX_CNAME + 1 + 3) / 4) };

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
  size_t header = write_header(out, route, packet, route->payload_type, (uint32_t)index & 0xffff, route->ssrc,
                               packet->padding_length > 0);
  size_t length =
      srtp_protect(member->rtp, out, header, packet->payload, packet->payload_length, route->ssrc, index);
  if (length == 0) {
    refuse_unreachable(engine, member);
    return;
  }
  slot->packets++;
  slot->octets += packet->payload_length - packet->padding_length;
  queue(engine, member, length);
}

/** Reads a batch into the engine's records: how many, or a negative error. */
static int read_batch(fanout *engine, const uint8_t *batch, size_t length) {
  int count = 0;
  for (size_t offset = 0; offset < length; count++) {
    if (count == FANOUT_MAX_BATCH) return FANOUT_BAD_ARGUMENT;
    size_t taken = read_record(batch + offset, length - offset, &engine->records[count]);
    if (taken == 0) return FANOUT_BAD_ARGUMENT;
    offset += taken;
  }
  return count;
}

int fanout_send(fanout *engine, uint32_t number, const uint8_t *batch, size_t length) {
  group_state *group = find_group(engine, number);
  if (!group) return FANOUT_UNKNOWN;
  int count = read_batch(engine, batch, length);
  if (count < 0) return count;
  if (group->count == 0) return FANOUT_OK;
  group->first = (group->first + 1) % group->count;
  for (uint32_t at = 0; at < group->count; at++) {
    // Without a division: it runs once from the first to the end, once from the start.
    uint32_t place = group->first + at < group->count ? group->first + at : group->first + at - group->count;
    member_state *member = engine->members[group->members[place]];
    for (int which = 0; which < count; which++) {
      const record *packet = &engine->records[which];
      if (packet->index >= member->slots[packet->slot].config.live_index) send_to(engine, member, packet);
    }
  }
  flush(engine);
  return FANOUT_OK;
}

int fanout_send_alone(fanout *engine, uint32_t number, const uint8_t *batch, size_t length) {
  member_state *member = find_member(engine, number);
  if (!member) return FANOUT_UNKNOWN;
  int count = read_batch(engine, batch, length);
  if (count < 0) return count;
  for (int at = 0; at < count; at++) send_to(engine, member, &engine->records[at]);
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
  size_t payload_length = packet.payload_length - packet.padding_length;
  memcpy(payload + 2, packet.payload, payload_length);
  uint8_t *out = reserve(engine, MAX_PACKET);
  size_t header = write_header(out, &slot->config, &packet, rtx_payload_type, (uint32_t)rtx_index & 0xffff, rtx_ssrc,
                               false);
  size_t sealed = srtp_protect(member->rtp, out, header, payload, payload_length + 2, rtx_ssrc, rtx_index);
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

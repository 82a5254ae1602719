// Packets as bytes: reads the records that come in, which is the door, and writes the headers that go out.

#include "state.h"

#include <string.h>

enum { MARKER = 1, HAS_ORIENTATION = 2, HAS_AUDIO_LEVEL = 4, PADDED = 8 };

static uint32_t get16(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8; }

static uint32_t get32(const uint8_t *at) { return get16(at) | get16(at + 2) << 16; }

// ---- the door for packets ----

/**
 * Reads one record; the bytes that it took, or 0 when it is malformed. Little-endian:
 * 0 payload length with padding (16) · 2 slot · 3 flags · 4 timestamp (32) · 8 canonical index (64) · 16 orientation · 17 audio level
 * · 18 length of capture time (0, 8 or 16) · 19 nothing · 20 capture time (16 bytes) · 36 send time (32) · 40 payload
 */
size_t read_record(const uint8_t *bytes, size_t length, record *out) {
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
  // RFC 3550 §5.1: the last byte counts the padding, itself included.
  out->padding_length = out->flags & PADDED ? out->payload[out->payload_length - 1] : 0;
  if (out->flags & PADDED && (out->padding_length == 0 || out->padding_length >= out->payload_length)) return 0;
  uint8_t time = out->capture_time_length;
  if (time != 0 && time != 8 && time != MAX_CAPTURE_TIME) return 0;
  return FANOUT_RECORD_HEADER + out->payload_length;
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
size_t write_header(uint8_t *at, const fanout_route *route, const record *packet, uint8_t payload_type,
                           uint32_t sequence, uint32_t ssrc, bool is_padded) {
  size_t extensions = write_extensions(at + RTP_HEADER, route, packet);
  at[0] = (uint8_t)(0x80 | (extensions ? 0x10 : 0) | (is_padded ? 0x20 : 0));
  at[1] = (uint8_t)((packet->flags & MARKER ? 0x80 : 0) | payload_type);
  put16(at + 2, sequence);
  put32(at + 4, packet->timestamp);
  put32(at + 8, ssrc);
  return RTP_HEADER + extensions;
}

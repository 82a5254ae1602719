// The fan-out engine as a Node-API module: reads arguments, checks their kinds, calls fanout.c. One engine per external
// value. Every function returns a number (FANOUT_OK, a new id, or a negative error) but `create`, which returns the engine.

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#include "fanout.h"

/** By which the other side sees that this was compiled from the sources that it has. */
#ifndef FANOUT_SOURCES
#define FANOUT_SOURCES "unknown"
#endif

enum { MAX_ARGUMENTS = 14, ADDRESS_LENGTH = 64 };

static const napi_type_tag ENGINE_TAG = {0x66616e6c69676874, 0x66616e6f75740001};

typedef struct {
  fanout *engine;
} holder;

/** The arguments of one call, read in order; `ok` falls with the first that is missing or of another kind. */
typedef struct {
  napi_env env;
  napi_value values[MAX_ARGUMENTS];
  size_t count, next;
  bool ok;
} arguments;

static void read_arguments(napi_env env, napi_callback_info info, arguments *out) {
  memset(out, 0, sizeof *out);
  out->env = env;
  out->count = MAX_ARGUMENTS;
  out->ok = napi_get_cb_info(env, info, &out->count, out->values, NULL, NULL) == napi_ok;
}

static napi_value next_value(arguments *from) {
  if (!from->ok || from->next >= from->count || from->next >= MAX_ARGUMENTS) {
    from->ok = false;
    return NULL;
  }
  return from->values[from->next++];
}

static double next_double(arguments *from) {
  double value = 0;
  napi_value given = next_value(from);
  if (given && napi_get_value_double(from->env, given, &value) != napi_ok) from->ok = false;
  return value;
}

/** A whole number from 0 to `highest`; anything else, NaN included, is refused. */
static uint64_t next_integer(arguments *from, double highest) {
  double value = next_double(from);
  if (!(value >= 0 && value <= highest)) from->ok = false;
  return from->ok ? (uint64_t)value : 0;
}

static uint32_t next_uint32(arguments *from) { return (uint32_t)next_integer(from, UINT32_MAX); }

static uint8_t next_byte(arguments *from) { return (uint8_t)next_integer(from, UINT8_MAX); }

static bool next_bool(arguments *from) {
  bool value = false;
  napi_value given = next_value(from);
  if (given && napi_get_value_bool(from->env, given, &value) != napi_ok) from->ok = false;
  return value;
}

/** Text shorter than `capacity`; its length. */
static size_t next_text(arguments *from, char *out, size_t capacity) {
  size_t length = 0;
  napi_value given = next_value(from);
  out[0] = 0;
  if (!given) return 0;
  if (napi_get_value_string_utf8(from->env, given, NULL, 0, &length) != napi_ok || length >= capacity) from->ok = false;
  else if (napi_get_value_string_utf8(from->env, given, out, capacity, &length) != napi_ok) from->ok = false;
  return from->ok ? length : 0;
}

static void *next_array(arguments *from, napi_typedarray_type type, size_t *length) {
  napi_value given = next_value(from);
  napi_typedarray_type actual = type;
  void *data = NULL;
  *length = 0;
  if (!given) return NULL;
  if (napi_get_typedarray_info(from->env, given, &actual, length, &data, NULL, NULL) != napi_ok || actual != type) {
    from->ok = false;
  }
  return from->ok ? data : NULL;
}

static fanout *next_engine(arguments *from) {
  napi_value given = next_value(from);
  napi_valuetype type = napi_undefined;
  bool is_ours = false;
  holder *held = NULL;
  if (!given) return NULL;
  if (napi_typeof(from->env, given, &type) != napi_ok || type != napi_external ||
      napi_check_object_type_tag(from->env, given, &ENGINE_TAG, &is_ours) != napi_ok || !is_ours ||
      napi_get_value_external(from->env, given, (void **)&held) != napi_ok || !held->engine) {
    from->ok = false;
    return NULL;
  }
  return held->engine;
}

static napi_value number(napi_env env, int64_t value) {
  napi_value result = NULL;
  napi_create_int64(env, value, &result);
  return result;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  holder *held = data;
  fanout_destroy(held->engine);
  free(held);
}

/** create(fd, isIpv6, maySegment, cname): the engine, or undefined. */
static napi_value create(napi_env env, napi_callback_info info) {
  arguments from;
  char cname[FANOUT_MAX_CNAME + 1];
  napi_value result = NULL;
  read_arguments(env, info, &from);
  int fd = (int)next_integer(&from, INT32_MAX);
  bool is_ipv6 = next_bool(&from);
  bool may_segment = next_bool(&from);
  next_text(&from, cname, sizeof cname);
  napi_get_undefined(env, &result);
  if (!from.ok) return result;
  holder *held = calloc(1, sizeof *held);
  if (!held) return result;
  held->engine = fanout_create(fd, is_ipv6, may_segment, cname);
  napi_value made = NULL;
  if (!held->engine || napi_create_external(env, held, finalize, NULL, &made) != napi_ok) {
    fanout_destroy(held->engine);
    free(held);
    return result;
  }
  return napi_type_tag_object(env, made, &ENGINE_TAG) == napi_ok ? made : result;
}

/** close(engine): frees all that it holds now; the value is of no use afterwards. */
static napi_value close_engine(napi_env env, napi_callback_info info) {
  arguments from;
  read_arguments(env, info, &from);
  if (!next_engine(&from)) return number(env, FANOUT_BAD_ARGUMENT);
  holder *held = NULL;
  napi_get_value_external(env, from.values[0], (void **)&held);
  fanout_destroy(held->engine);
  held->engine = NULL;
  return number(env, FANOUT_OK);
}

/** addGroup(engine) */
static napi_value add_group(napi_env env, napi_callback_info info) {
  arguments from;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  return number(env, from.ok ? fanout_group_add(engine) : FANOUT_BAD_ARGUMENT);
}

/** removeGroup(engine, group) */
static napi_value remove_group(napi_env env, napi_callback_info info) {
  arguments from;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t group = next_uint32(&from);
  return number(env, from.ok ? fanout_group_remove(engine, group) : FANOUT_BAD_ARGUMENT);
}

/** addMember(engine, group, profile, keys) */
static napi_value add_member(napi_env env, napi_callback_info info) {
  arguments from;
  size_t length;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t group = next_uint32(&from);
  int profile = next_byte(&from);
  const uint8_t *keys = next_array(&from, napi_uint8_array, &length);
  return number(env, from.ok ? fanout_member_add(engine, group, profile, keys, length) : FANOUT_BAD_ARGUMENT);
}

/** removeMember(engine, member) */
static napi_value remove_member(napi_env env, napi_callback_info info) {
  arguments from;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t member = next_uint32(&from);
  return number(env, from.ok ? fanout_member_remove(engine, member) : FANOUT_BAD_ARGUMENT);
}

/** moveMember(engine, member, address, port) */
static napi_value move_member(napi_env env, napi_callback_info info) {
  arguments from;
  char address[ADDRESS_LENGTH];
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t member = next_uint32(&from);
  next_text(&from, address, sizeof address);
  uint16_t port = (uint16_t)next_integer(&from, UINT16_MAX);
  return number(env, from.ok ? fanout_member_move(engine, member, address, port) : FANOUT_BAD_ARGUMENT);
}

/** setRoute(engine, member, slot, ssrc, payloadType, indexOffset, firstIndex, liveIndex, mid, midId, sendTimeId, orientationId, audioLevelId, captureTimeId) */
static napi_value set_route(napi_env env, napi_callback_info info) {
  arguments from;
  char mid[FANOUT_MAX_MID + 1];
  fanout_route route = {0};
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t member = next_uint32(&from);
  uint32_t slot = next_uint32(&from);
  route.ssrc = next_uint32(&from);
  route.payload_type = next_byte(&from);
  double offset = next_double(&from);
  // Beyond 2^48 there are no packet indexes.
  if (!(offset >= -281474976710656.0 && offset <= 281474976710656.0)) from.ok = false;
  else route.index_offset = (int64_t)offset;
  route.first_index = next_integer(&from, 281474976710655.0);
  route.live_index = next_integer(&from, 281474976710655.0);
  route.mid_length = (uint8_t)next_text(&from, mid, sizeof mid);
  memcpy(route.mid, mid, route.mid_length);
  route.mid_id = next_byte(&from);
  route.send_time_id = next_byte(&from);
  route.orientation_id = next_byte(&from);
  route.audio_level_id = next_byte(&from);
  route.capture_time_id = next_byte(&from);
  return number(env, from.ok ? fanout_route_set(engine, member, slot, &route) : FANOUT_BAD_ARGUMENT);
}

/** clearRoute(engine, member, slot) */
static napi_value clear_route(napi_env env, napi_callback_info info) {
  arguments from;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t member = next_uint32(&from);
  uint32_t slot = next_uint32(&from);
  return number(env, from.ok ? fanout_route_set(engine, member, slot, NULL) : FANOUT_BAD_ARGUMENT);
}

/** send(engine, group, batch, length): the first `length` bytes of `batch` are records. */
static napi_value send_batch(napi_env env, napi_callback_info info) {
  arguments from;
  size_t capacity;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t group = next_uint32(&from);
  const uint8_t *batch = next_array(&from, napi_uint8_array, &capacity);
  size_t length = next_uint32(&from);
  if (length > capacity) from.ok = false;
  return number(env, from.ok ? fanout_send(engine, group, batch, length) : FANOUT_BAD_ARGUMENT);
}

/** sendAlone(engine, member, batch, length): as `send`, to one member. */
static napi_value send_alone(napi_env env, napi_callback_info info) {
  arguments from;
  size_t capacity;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t member = next_uint32(&from);
  const uint8_t *batch = next_array(&from, napi_uint8_array, &capacity);
  size_t length = next_uint32(&from);
  if (length > capacity) from.ok = false;
  return number(env, from.ok ? fanout_send_alone(engine, member, batch, length) : FANOUT_BAD_ARGUMENT);
}

/** repeat(engine, member, record, length, rtxPayloadType, rtxSsrc, rtxIndex) */
static napi_value repeat(napi_env env, napi_callback_info info) {
  arguments from;
  size_t capacity;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t member = next_uint32(&from);
  const uint8_t *record = next_array(&from, napi_uint8_array, &capacity);
  size_t length = next_uint32(&from);
  uint8_t payload_type = next_byte(&from);
  uint32_t ssrc = next_uint32(&from);
  uint64_t index = next_integer(&from, 281474976710655.0);
  if (length > capacity) from.ok = false;
  return number(env, from.ok ? fanout_repeat(engine, member, record, length, payload_type, ssrc, index)
                             : FANOUT_BAD_ARGUMENT);
}

/** rtcp(engine, member, packet) */
static napi_value rtcp(napi_env env, napi_callback_info info) {
  arguments from;
  size_t length;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t member = next_uint32(&from);
  const uint8_t *packet = next_array(&from, napi_uint8_array, &length);
  return number(env, from.ok ? fanout_rtcp(engine, member, packet, length) : FANOUT_BAD_ARGUMENT);
}

/** report(engine, member, ntpSeconds, ntpFraction, slots, timestampOfSlot0, timestampOfSlot1) */
static napi_value report(napi_env env, napi_callback_info info) {
  arguments from;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t member = next_uint32(&from);
  uint32_t seconds = next_uint32(&from);
  uint32_t fraction = next_uint32(&from);
  uint32_t slots = next_uint32(&from);
  uint32_t timestamps[FANOUT_SLOTS];
  for (int slot = 0; slot < FANOUT_SLOTS; slot++) timestamps[slot] = next_uint32(&from);
  return number(env, from.ok ? fanout_report(engine, member, seconds, fraction, slots, timestamps)
                             : FANOUT_BAD_ARGUMENT);
}

/** counters(engine, Float64Array of 7): see the order below. */
static napi_value counters(napi_env env, napi_callback_info info) {
  arguments from;
  size_t length;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  double *out = next_array(&from, napi_float64_array, &length);
  if (!from.ok || length != 7) return number(env, FANOUT_BAD_ARGUMENT);
  fanout_counters count;
  fanout_count(engine, &count);
  out[0] = (double)count.packets_sent;
  out[1] = (double)count.bytes_sent;
  out[2] = (double)count.packets_blocked;
  out[3] = (double)count.packets_failed;
  out[4] = fanout_segments(engine) ? 1 : 0;
  out[5] = fanout_members(engine);
  out[6] = fanout_groups(engine);
  return number(env, FANOUT_OK);
}

/** memberCounters(engine, member, Float64Array of 5): packets and octets of slot 0, of slot 1, packets dropped. */
static napi_value member_counters(napi_env env, napi_callback_info info) {
  arguments from;
  size_t length;
  read_arguments(env, info, &from);
  fanout *engine = next_engine(&from);
  uint32_t member = next_uint32(&from);
  double *out = next_array(&from, napi_float64_array, &length);
  fanout_member_counters count;
  if (!from.ok || length != 5) return number(env, FANOUT_BAD_ARGUMENT);
  int status = fanout_member_count(engine, member, &count);
  if (status != FANOUT_OK) return number(env, status);
  for (int slot = 0; slot < FANOUT_SLOTS; slot++) {
    out[2 * slot] = (double)count.packets[slot];
    out[2 * slot + 1] = (double)count.octets[slot];
  }
  out[4] = (double)count.dropped;
  return number(env, FANOUT_OK);
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"create", create},           {"close", close_engine},
                   {"addGroup", add_group},      {"removeGroup", remove_group},
                   {"addMember", add_member},    {"removeMember", remove_member},
                   {"moveMember", move_member},  {"setRoute", set_route},
                   {"clearRoute", clear_route},  {"send", send_batch},
                   {"sendAlone", send_alone},   {"repeat", repeat},           {"rtcp", rtcp},
                   {"report", report},           {"counters", counters},
                   {"memberCounters", member_counters}};
  for (size_t at = 0; at < sizeof functions / sizeof *functions; at++) {
    napi_value made = NULL;
    if (napi_create_function(env, functions[at].name, NAPI_AUTO_LENGTH, functions[at].call, NULL, &made) != napi_ok ||
        napi_set_named_property(env, exports, functions[at].name, made) != napi_ok) {
      return NULL;
    }
  }
  napi_value sources = NULL;
  if (napi_create_string_utf8(env, FANOUT_SOURCES, NAPI_AUTO_LENGTH, &sources) != napi_ok ||
      napi_set_named_property(env, exports, "sources", sources) != napi_ok) {
    return NULL;
  }
  return exports;
}

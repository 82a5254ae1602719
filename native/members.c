// Who is there: engines, groups, members and their routes. Called a few times per viewer, so it may take memory.

#include "state.h"

#include <netdb.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "segment.h"

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

member_state *find_member(const fanout *engine, uint32_t member) {
  return member < engine->member_capacity ? engine->members[member] : NULL;
}

group_state *find_group(const fanout *engine, uint32_t group) {
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
  member->apart = false;
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

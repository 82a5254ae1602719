// What waits for the kernel: packets in runs to one member, many runs in one call. What the kernel answers is dealt with here.

#include "state.h"

#include <errno.h>
#include <string.h>

#include "segment.h"

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

void flush(fanout *engine) {
  uint32_t at = 0;
  while (at < engine->message_count) {
    int sent = sendmmsg(engine->fd, engine->messages + at, engine->message_count - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      for (int done = 0; done < sent; done++) count_sent(engine, at++);
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    int error = sent < 0 ? errno : EIO;
    if (engine->segment_counts[at] > 1 && refuses_segments(error)) {
      // The device or the path on the way to this member; others may go another way.
      engine->owners[at]->apart = true;
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
  engine->message_count = 0;
  engine->out_length = 0;
  engine->is_open = false;
}

/** The packet that was just written at the end of `out` joins the open message, or begins one. */
void queue(fanout *engine, member_state *member, size_t length) {
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
  engine->is_open = engine->segments && !member->apart;
}

/** Room for one packet of `length` bytes; sends what waits when there is none. */
uint8_t *reserve(fanout *engine, size_t length) {
  if (engine->message_count == MAX_MESSAGES || engine->out_length + length > OUT_BYTES) flush(engine);
  return engine->out + engine->out_length;
}

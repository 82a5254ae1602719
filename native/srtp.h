// SRTP and SRTCP protection with the OpenSSL that is inside Node (RFC 3711, RFC 7714). It knows packets as bytes only.

#ifndef FANLIGHT_SRTP_H
#define FANLIGHT_SRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SRTP_KEYS = 16 + 20 + 14, SRTP_MAX_TAG = 16, SRTCP_MAX_TRAILER = SRTP_MAX_TAG + 4 };

typedef struct srtp_key srtp_key;

/** A key for one direction of RTP or RTCP; NULL when there is no memory. `keys`: encryption 16, authentication 20, salt 14. */
srtp_key *srtp_key_new(int profile, const uint8_t keys[SRTP_KEYS]);
void srtp_key_free(srtp_key *key);
/** Bytes that protection adds to an RTP packet. */
size_t srtp_tag_length(const srtp_key *key);

/**
 * Encrypts `payload` behind the `header_length` bytes that stand at `packet` already, and appends the tag. `index` is
 * roll-over counter times 2^16 plus sequence number. Returns the packet's length, 0 when OpenSSL failed.
 */
size_t srtp_protect(srtp_key *key, uint8_t *packet, size_t header_length, const uint8_t *payload, size_t payload_length,
                    uint32_t ssrc, uint64_t index);
/** Encrypts an RTCP packet of `length` bytes in place; there must be SRTCP_MAX_TRAILER bytes of room behind it. */
size_t srtcp_protect(srtp_key *key, uint8_t *packet, size_t length, uint32_t index);

#endif

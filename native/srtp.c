// SRTP and SRTCP protection. One context per key is made once; a packet allocates nothing.

#include "srtp.h"

#include <stdlib.h>
#include <string.h>

#include "fanout.h"
#include "openssl.h"

enum { GCM_TAG = 16, GCM_IV = 12, GCM_SALT = 12, CM_TAG = 10, CM_SALT = 14, SHA1_BLOCK = 64, SHA1_LENGTH = 20 };
enum { RTCP_HEADER = 8, INDEX_WORD = 4 };

struct srtp_key {
  int profile;
  EVP_CIPHER_CTX *cipher;
  uint8_t salt[CM_SALT];
  /** HMAC (RFC 2104) with the key's two blocks taken in already. */
  SHA_CTX inner, outer;
};

static void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}

static bool prepare_hmac(srtp_key *key, const uint8_t authentication[SHA1_LENGTH]) {
  uint8_t block[SHA1_BLOCK];
  memset(block, 0x36, sizeof block);
  for (int at = 0; at < SHA1_LENGTH; at++) block[at] ^= authentication[at];
  bool ok = SHA1_Init(&key->inner) && SHA1_Update(&key->inner, block, sizeof block);
  for (int at = 0; at < SHA1_BLOCK; at++) block[at] ^= 0x36 ^ 0x5c;
  return ok && SHA1_Init(&key->outer) && SHA1_Update(&key->outer, block, sizeof block);
}

srtp_key *srtp_key_new(int profile, const uint8_t keys[SRTP_KEYS]) {
  if (profile != FANOUT_AES_GCM && profile != FANOUT_AES_CM_SHA1_80) return NULL;
  srtp_key *key = calloc(1, sizeof *key);
  if (!key) return NULL;
  key->profile = profile;
  memcpy(key->salt, keys + 36, CM_SALT);
  key->cipher = EVP_CIPHER_CTX_new();
  const EVP_CIPHER *cipher = profile == FANOUT_AES_GCM ? EVP_aes_128_gcm() : EVP_aes_128_ctr();
  bool ok = key->cipher && EVP_EncryptInit_ex(key->cipher, cipher, NULL, keys, NULL);
  if (ok && profile == FANOUT_AES_CM_SHA1_80) ok = prepare_hmac(key, keys + 16);
  if (ok) return key;
  srtp_key_free(key);
  return NULL;
}

void srtp_key_free(srtp_key *key) {
  if (!key) return;
  EVP_CIPHER_CTX_free(key->cipher);
  // Keys must not lie in memory that is given to somebody else.
  volatile uint8_t *bytes = (volatile uint8_t *)key;
  for (size_t at = 0; at < sizeof *key; at++) bytes[at] = 0;
  free(key);
}

size_t srtp_tag_length(const srtp_key *key) { return key->profile == FANOUT_AES_GCM ? GCM_TAG : CM_TAG; }

/** Authenticates `associated`, encrypts `in` to `out` and puts the tag at `tag` (RFC 5116). */
static bool seal(srtp_key *key, const uint8_t iv[GCM_IV], const uint8_t *associated[2], const size_t lengths[2],
                 const uint8_t *in, size_t length, uint8_t *out, uint8_t *tag) {
  int done = 0;
  if (!EVP_EncryptInit_ex(key->cipher, NULL, NULL, NULL, iv)) return false;
  for (int part = 0; part < 2; part++) {
    if (lengths[part] && !EVP_EncryptUpdate(key->cipher, NULL, &done, associated[part], (int)lengths[part])) return false;
  }
  return EVP_EncryptUpdate(key->cipher, out, &done, in, (int)length) &&
         EVP_EncryptFinal_ex(key->cipher, out + done, &done) &&
         EVP_CIPHER_CTX_ctrl(key->cipher, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag);
}

/** RFC 7714 §8.1 and §9.1: two zero bytes, SSRC, index in 48 bits; all XOR the salt. */
static void gcm_iv(const srtp_key *key, uint32_t ssrc, uint64_t index, uint8_t iv[GCM_IV]) {
  put16(iv, 0);
  put32(iv + 2, ssrc);
  put16(iv + 6, (uint32_t)(index >> 32));
  put32(iv + 8, (uint32_t)index);
  for (int at = 0; at < GCM_SALT; at++) iv[at] ^= key->salt[at];
}

/** RFC 3711 §4.1.1: salt times 2^16, XOR SSRC times 2^64, XOR index times 2^16. */
static bool count_from(srtp_key *key, uint32_t ssrc, uint64_t index) {
  uint8_t counter[16] = {0};
  put32(counter + 4, ssrc);
  put16(counter + 8, (uint32_t)(index >> 32));
  put32(counter + 10, (uint32_t)index);
  for (int at = 0; at < CM_SALT; at++) counter[at] ^= key->salt[at];
  return EVP_EncryptInit_ex(key->cipher, NULL, NULL, NULL, counter);
}

/** HMAC-SHA1 over two parts, cut to 80 bits (RFC 3711 §4.2). */
static bool tag_of(const srtp_key *key, const uint8_t *bytes, size_t length, const uint8_t *more, size_t more_length,
                   uint8_t *tag) {
  uint8_t digest[SHA1_LENGTH];
  SHA_CTX hash = key->inner;
  if (!SHA1_Update(&hash, bytes, length) || !SHA1_Update(&hash, more, more_length) || !SHA1_Final(digest, &hash)) {
    return false;
  }
  hash = key->outer;
  if (!SHA1_Update(&hash, digest, sizeof digest) || !SHA1_Final(digest, &hash)) return false;
  memcpy(tag, digest, CM_TAG);
  return true;
}

size_t srtp_protect(srtp_key *key, uint8_t *packet, size_t header_length, const uint8_t *payload, size_t payload_length,
                    uint32_t ssrc, uint64_t index) {
  uint8_t *body = packet + header_length;
  size_t length = header_length + payload_length;
  if (key->profile == FANOUT_AES_GCM) {
    uint8_t iv[GCM_IV];
    gcm_iv(key, ssrc, index, iv);
    const uint8_t *associated[2] = {packet, NULL};
    const size_t lengths[2] = {header_length, 0};
    if (!seal(key, iv, associated, lengths, payload, payload_length, body, body + payload_length)) return 0;
    return length + GCM_TAG;
  }
  int done = 0;
  uint8_t rollover[4];
  put32(rollover, (uint32_t)(index >> 16));
  if (!count_from(key, ssrc, index) ||
      !EVP_EncryptUpdate(key->cipher, body, &done, payload, (int)payload_length) ||
      !tag_of(key, packet, length, rollover, sizeof rollover, packet + length)) {
    return 0;
  }
  return length + CM_TAG;
}

size_t srtcp_protect(srtp_key *key, uint8_t *packet, size_t length, uint32_t index) {
  if (length < RTCP_HEADER) return 0;
  uint32_t ssrc = (uint32_t)packet[4] << 24 | (uint32_t)packet[5] << 16 | (uint32_t)packet[6] << 8 | packet[7];
  uint8_t *body = packet + RTCP_HEADER;
  size_t body_length = length - RTCP_HEADER;
  // The first bit says that the body is encrypted (RFC 3711 §3.4).
  uint8_t word[INDEX_WORD];
  put32(word, 0x80000000U | index);
  if (key->profile == FANOUT_AES_GCM) {
    uint8_t iv[GCM_IV];
    gcm_iv(key, ssrc, index, iv);
    const uint8_t *associated[2] = {packet, word};
    const size_t lengths[2] = {RTCP_HEADER, INDEX_WORD};
    if (!seal(key, iv, associated, lengths, body, body_length, body, packet + length)) return 0;
    memcpy(packet + length + GCM_TAG, word, INDEX_WORD);
    return length + GCM_TAG + INDEX_WORD;
  }
  int done = 0;
  if (!count_from(key, ssrc, index) || !EVP_EncryptUpdate(key->cipher, body, &done, body, (int)body_length)) return 0;
  memcpy(packet + length, word, INDEX_WORD);
  if (!tag_of(key, packet, length + INDEX_WORD, NULL, 0, packet + length + INDEX_WORD)) return 0;
  return length + INDEX_WORD + CM_TAG;
}

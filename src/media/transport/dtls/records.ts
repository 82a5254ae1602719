// DTLS 1.2 records as bytes (RFC 6347 §4.1): where one ends, how one is written. It must not know keys or handshakes.

/** Record content types (RFC 5246 §6.2.1). */
export const CHANGE_CIPHER_SPEC = 20;
export const ALERT = 21;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;

/** Type, version, epoch, sequence number, length. */
export const RECORD_HEADER_BYTES = 13;
/** DTLS 1.2 (RFC 6347 §4.1: one's complement of 1.2). */
export const VERSION = 0xfefd;

/** Alert levels and descriptions (RFC 5246 §7.2). */
export const WARNING = 1;
export const FATAL = 2;
export const CLOSE_NOTIFY = 0;

/** Type, length, sequence, fragment offset and fragment length (RFC 6347 §4.2.2). */
export const HANDSHAKE_HEADER_BYTES = 12;
export const FINISHED = 20;
export const VERIFY_DATA_BYTES = 12;

/** Whether a decrypted handshake record is one whole Finished and nothing else. */
export function isFinishedMessage(message: Buffer | undefined): message is Buffer {
  return message?.length === HANDSHAKE_HEADER_BYTES + VERIFY_DATA_BYTES && message[0] === FINISHED;
}

/** Where the record that starts at `offset` ends; undefined when it is cut off. */
export function recordEnd(datagram: Buffer, offset: number): number | undefined {
  if (datagram.length - offset < RECORD_HEADER_BYTES) return undefined;
  const end = offset + RECORD_HEADER_BYTES + datagram.readUInt16BE(offset + 11);
  return end > datagram.length ? undefined : end;
}

export function contentType(record: Buffer): number {
  return record.readUInt8(0);
}

/** Epoch 0 is plain, the next one encrypted; there is no other without renegotiation. */
export function epochOf(record: Buffer): number {
  return record.readUInt16BE(3);
}

/** Writes the 13 bytes of a record header at the start of `record`. */
export function writeRecordHeader(record: Buffer, type: number, epoch: number, sequence: number): void {
  record.writeUInt8(type, 0);
  record.writeUInt16BE(VERSION, 1);
  record.writeUInt16BE(epoch, 3);
  record.writeUIntBE(sequence, 5, 6);
  record.writeUInt16BE(record.length - RECORD_HEADER_BYTES, 11);
}

/** A record of epoch 0. */
export function plainRecord(type: number, sequence: number, fragment: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER_BYTES + fragment.length);
  record.set(fragment, RECORD_HEADER_BYTES);
  writeRecordHeader(record, type, 0, sequence);
  return record;
}

import { beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../rtp/seeded-network.ts';
import { DtlsRecords } from './dtls-records.ts';

const keys = (local: number, remote: number) => ({
  localKey: Buffer.alloc(16, local),
  localNonce: Buffer.alloc(4, local),
  remoteKey: Buffer.alloc(16, remote),
  remoteNonce: Buffer.alloc(4, remote),
});

let ours: DtlsRecords;
let theirs: DtlsRecords;
beforeEach(() => {
  ours = new DtlsRecords(keys(1, 2), 5);
  theirs = new DtlsRecords(keys(2, 1), 0);
});

const text = (record: Buffer) => theirs.unprotect(record)?.toString();

// That other implementations understand them is held by dtls.test.ts and transport.test.ts.
describe('records', () => {
  it('come out as they went in, under numbers that rise from the first', () => {
    const records = ['one', '', 'x'.repeat(1200)].map((content) => ours.protect(23, Buffer.from(content)));
    expect(records.map((record) => record.readUIntBE(5, 6))).toEqual([5, 6, 7]);
    expect(records.map((record) => record.subarray(0, 5).toString('hex'))).toEqual(Array(3).fill('17fefd0001'));
    for (const record of records) expect(record.readUInt16BE(11)).toBe(record.length - 13);
    expect(records.map(text)).toEqual(['one', '', 'x'.repeat(1200)]);
  });

  it('are refused the second time, whatever came between', () => {
    const records = Array.from({ length: 40 }, (_, index) => ours.protect(23, Buffer.from(`${index}`)));
    const random = seededRandom(1);
    const order = records.toSorted(() => random() - 0.5);
    expect(order.map(text).toSorted()).toEqual(Array.from({ length: 40 }, (_, index) => `${index}`).toSorted());
    expect(order.map(text)).toEqual(Array(40).fill(undefined));
  });

  it('are refused when they are so late that nobody knows whether they came', () => {
    const late = ours.protect(23, Buffer.from('late'));
    for (let count = 0; count < 300; count++) theirs.unprotect(ours.protect(23, Buffer.from('x')));
    expect(text(late)).toBeUndefined();
  });

  it('are refused with any byte changed, and the right one is taken after it', () => {
    const record = ours.protect(23, Buffer.from('content'));
    for (let index = 0; index < record.length; index++) {
      // The length is the caller's to check: it finds the record by it.
      if (index === 11 || index === 12) continue;
      const changed = Buffer.from(record);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(text(changed)).toBeUndefined();
    }
    expect(text(record)).toBe('content');
  });

  it('are refused when cut, in plaintext, or sent back to where they came from', () => {
    const record = ours.protect(23, Buffer.from('content'));
    for (let length = 13; length < record.length; length++) expect(text(record.subarray(0, length))).toBeUndefined();
    expect(ours.unprotect(record)).toBeUndefined();
    const plain = Buffer.concat([Buffer.from('17fefd00000000000000050028', 'hex'), Buffer.alloc(40)]);
    expect(text(plain)).toBeUndefined();
  });

  it('are refused above 16 KiB of content, which no standard allows', () => {
    const large = (bytes: number) => theirs.unprotect(ours.protect(23, Buffer.alloc(bytes)))?.length;
    expect([large(2 ** 14), large(2 ** 14 + 1)]).toEqual([2 ** 14, undefined]);
  });

  it('with a forged high number do not shut out those that follow', () => {
    const forged = ours.protect(23, Buffer.from('forged'));
    forged.writeUIntBE(2 ** 40, 5, 6);
    expect(text(forged)).toBeUndefined();
    expect(text(ours.protect(23, Buffer.from('right')))).toBe('right');
  });
});

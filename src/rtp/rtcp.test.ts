import { describe, expect, it } from 'vitest';
import { isRtcp, parseRtcp } from './rtcp.ts';
import { writeFir, writeNack, writePli, writeReceiverReport, writeRemb, writeSenderReport } from './rtcp-writer.ts';
import { randomBytes, seededRandom } from './seeded-network.ts';

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

const REPORT = {
  ssrc: 0xfeedbeef,
  fractionLost: 64 / 256,
  cumulativeLost: 1234,
  highestSequence: 0x0001_fffe,
  jitter: 900,
  lastSr: 0xb7052000,
  delaySinceLastSr: 0x0005_4000,
};

const SENDER_REPORT = {
  ssrc: 0x89abcdef,
  ntp: { seconds: 0xb44db705, fraction: 0x20000000 },
  rtpTimestamp: 0xfffffff0,
  packetCount: 5,
  octetCount: 6000,
};

describe('reading RTCP', () => {
  it('reads a compound of sender report, SDES and BYE', () => {
    const compound = bytesOf(
      `81c8000c 89abcdef b44db705 20000000 fffffff0 00000005 00001770
       feedbeef 40ffffff 0001fffe 00000384 b7052000 00054000
       81ca0003 89abcdef 01026162 00000000
       82cb0003 89abcdef 00000001 03627965`.replaceAll('\n', ''),
    );
    expect(parseRtcp(compound)).toEqual([
      { type: 'sender-report', ...SENDER_REPORT, reports: [{ ...REPORT, cumulativeLost: -1 }] },
      { type: 'bye', ssrcs: [0x89abcdef, 1] },
    ]);
  });

  it.each([
    ['0a0a 0000', [0x0a0a]],
    ['0a0a 8001', [0x0a0a, 0x0a0b, 0x0a1a]],
    ['fffe 0007', [0xfffe, 0xffff, 0, 1]],
    ['0000 0000 ffff ffff', [0, 0xffff, ...Array.from({ length: 16 }, (_, at) => at)]],
  ])('expands the NACK %s', (pairs, lost) => {
    const words = pairs.replaceAll(' ', '').length / 8;
    const packet = bytesOf(`81cd000${2 + words} 00000001 00000002 ${pairs}`);
    expect(parseRtcp(packet)).toEqual([{ type: 'nack', senderSsrc: 1, mediaSsrc: 2, lost }]);
  });

  it('reads reduced-size packets, and ignores the padding of the last', () => {
    const packets = bytesOf('81ce0002 00000001 00000002 a1cd0004 00000001 00000002 00050000 00000004');
    expect(parseRtcp(packets)).toEqual([
      { type: 'pli', senderSsrc: 1, mediaSsrc: 2 },
      { type: 'nack', senderSsrc: 1, mediaSsrc: 2, lost: [5] },
    ]);
  });

  it.each([
    ['extended reports', '80cf0001 00000001'],
    ['an application packet', '80cc0002 00000001 6e616d65'],
    ['transport-wide feedback', '8fcd0004 00000001 00000002 00000000 00000000'],
    ['slice loss', '82ce0003 00000001 00000002 00000000'],
    ['application feedback that is not REMB', '8fce0004 00000001 00000002 4142434401000000'],
  ])('passes over %s', (_, hex) => {
    const pli = '81ce0002 00000001 00000002';
    expect(parseRtcp(bytesOf(`${hex} ${pli}`))).toEqual([{ type: 'pli', senderSsrc: 1, mediaSsrc: 2 }]);
  });

  it.each([
    ['version 1', '41ce0002 00000001 00000002'],
    ['a length beyond the datagram', '81ce0003 00000001 00000002'],
    ['a header cut off', '81ce00'],
    ['a sender report without its body', '80c80001 00000001'],
    ['fewer report blocks than announced', '81c90001 00000001'],
    ['fewer BYE sources than announced', '82cb0001 00000001'],
    ['feedback without SSRCs', '81ce0001 00000001'],
    ['padding of 0', 'a1ce0003 00000001 00000002 00000000'],
    ['more padding than packet', 'a1ce0003 00000001 00000002 00000011'],
    ['REMB with fewer SSRCs than announced', '8fce0004 00000001 00000000 52454d42 01000001'],
  ])('stops at %s and keeps what came before', (_, hex) => {
    const pli = '81ce0002 00000001 00000002';
    expect(parseRtcp(bytesOf(`${pli} ${hex}`))).toEqual([{ type: 'pli', senderSsrc: 1, mediaSsrc: 2 }]);
    expect(parseRtcp(bytesOf(hex))).toEqual([]);
  });

  it('reads a view into a larger buffer', () => {
    const whole = bytesOf('ffffffff 81ce0002 00000001 00000002 ffffffff');
    expect(parseRtcp(whole.subarray(4, 16))).toEqual([{ type: 'pli', senderSsrc: 1, mediaSsrc: 2 }]);
  });

  it.each([
    [191, false],
    [192, true],
    [200, true],
    [223, true],
    [224, false],
    [96, false],
  ])('second byte %i is RTCP: %s', (second, expected) => {
    expect(isRtcp(Uint8Array.of(0x80, second))).toBe(expected);
  });

  it('does bounded work for a huge datagram', () => {
    const nack = new Uint8Array(65_532).fill(0xff);
    nack.set([0x81, 205, 0x3f, 0xfe]);
    const [packet] = parseRtcp(nack);
    expect(packet?.type === 'nack' && packet.lost.length).toBeLessThan(2100);
    const empties = new Uint8Array(65_536).map((_, at) => [0x80, 203, 0, 0][at % 4] ?? 0);
    expect(parseRtcp(empties)).toHaveLength(64);
  });

  it('takes any bytes without throwing', () => {
    const random = seededRandom(5);
    let understood = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = randomBytes(random, 80);
      // Half of them with a plausible header, to get further.
      if (round % 2 === 0 && bytes.length >= 4) {
        const count = [0, 1, 4, 15][(bytes[0] ?? 0) % 4] ?? 0;
        bytes.set([0x80 | count, 200 + ((bytes[1] ?? 0) % 8), 0, (bytes[3] ?? 0) % 20]);
      }
      understood += parseRtcp(bytes).length;
    }
    expect(understood).toBeGreaterThan(1000);
  });
});

describe('writing RTCP', () => {
  it.each(['', 'a', 'ab', 'abc', 'abcd', 'x'.repeat(255)])(
    'a sender report is followed by SDES with CNAME "%s"',
    (cname) => {
      const bytes = writeSenderReport({ ...SENDER_REPORT, cname });
      expect(bytes.length % 4).toBe(0);
      expect(parseRtcp(bytes)).toEqual([{ type: 'sender-report', ...SENDER_REPORT, reports: [] }]);
      const sdes = Buffer.from(bytes.subarray(28));
      expect(sdes.readUInt16BE(0)).toBe(0x81ca);
      expect(4 + 4 * sdes.readUInt16BE(2)).toBe(sdes.length);
      expect(sdes.readUInt32BE(4)).toBe(SENDER_REPORT.ssrc);
      expect(sdes.subarray(10, 10 + (sdes[9] ?? 0)).toString('latin1')).toBe(cname);
      expect(sdes.at(-1)).toBe(0);
    },
  );

  it.each([
    [0, 0],
    [1234, 1234],
    [-1, -1],
    [2 ** 24, 0x7f_ffff],
    [-(2 ** 24), -0x80_0000],
  ])('a receiver report says %i lost as %i', (lost, written) => {
    const bytes = writeReceiverReport(1, [{ ...REPORT, cumulativeLost: lost }, REPORT], 'cname');
    const [report] = parseRtcp(bytes);
    expect(report).toEqual({
      type: 'receiver-report',
      senderSsrc: 1,
      reports: [{ ...REPORT, cumulativeLost: written }, REPORT],
    });
  });

  it('the share lost fits its byte', () => {
    const [report] = parseRtcp(writeReceiverReport(1, [{ ...REPORT, fractionLost: 1 }], ''));
    expect(report).toMatchObject({ reports: [{ fractionLost: 255 / 256, cumulativeLost: REPORT.cumulativeLost }] });
  });

  it.each([0, 1, 127, 32767, 32768, 65534, 65535])('a NACK comes back as it was, from %i on', (start) => {
    const lost = [0, 1, 16, 17, 18, 35, 52, 69, 300].map((step) => (start + step) & 0xffff);
    const bytes = writeNack(1, 2, lost);
    expect(parseRtcp(bytes)).toEqual([{ type: 'nack', senderSsrc: 1, mediaSsrc: 2, lost }]);
    // 0 to 16, 17 to 18, 35, 52, 69, 300: the 16 numbers after the first of a pair share it.
    expect(bytes.length).toBe(12 + 4 * 6);
  });

  it('a NACK of one run of 17 needs one pair, also with repetitions', () => {
    const lost = Array.from({ length: 17 }, (_, step) => (65530 + step) & 0xffff);
    expect(writeNack(1, 2, lost)).toEqual(bytesOf('81cd0003 00000001 00000002 fffaffff'));
    expect(writeNack(1, 2, [5, 5, 6, 6])).toEqual(bytesOf('81cd0003 00000001 00000002 00050001'));
  });

  it('PLI and FIR are as in the RFCs', () => {
    expect(writePli(1, 2)).toEqual(bytesOf('81ce0002 00000001 00000002'));
    expect(writeFir(1, [{ ssrc: 2, commandNumber: 255 }])).toEqual(
      bytesOf('84ce0004 00000001 00000000 00000002 ff000000'),
    );
    expect(parseRtcp(writeFir(1, [{ ssrc: 2, commandNumber: 255 }]))).toEqual([
      { type: 'fir', senderSsrc: 1, entries: [{ ssrc: 2, commandNumber: 255 }] },
    ]);
  });

  it.each([0, 1, 262_143, 262_144, 2_500_000, 10 ** 9, 10 ** 12])('REMB says %i b/s within 18 bits', (bitrateBps) => {
    const [remb] = parseRtcp(writeRemb(1, bitrateBps, [2, 0xffffffff]));
    expect(remb).toMatchObject({ type: 'remb', senderSsrc: 1, ssrcs: [2, 0xffffffff] });
    const read = remb?.type === 'remb' ? remb.bitrateBps : Number.NaN;
    expect(read).toBeLessThanOrEqual(bitrateBps);
    expect(read).toBeGreaterThanOrEqual(bitrateBps * (1 - 2 ** -17));
  });

  it('refuses what does not fit', () => {
    expect(() =>
      writeReceiverReport(
        1,
        Array.from({ length: 32 }, () => REPORT),
        '',
      ),
    ).toThrow('report blocks');
    expect(() => writeSenderReport({ ...SENDER_REPORT, cname: 'x'.repeat(256) })).toThrow('CNAME');
  });
});

import { describe, expect, it } from 'vitest';
import { GroupOfPictures, type GroupPacket } from './group-of-pictures.ts';
import { seededRandom, throughNetwork } from './seeded-network.ts';

/** Each packet counts for its datagram and what keeping it takes. */
const OVERHEAD_BYTES = 300;
const LIMITS = { maxBytes: 1000 + 6 * OVERHEAD_BYTES, maxMs: 10_000 };
const packet = (index: number, startsDecoding = false, bytes = 10): GroupPacket => ({
  index,
  timestamp: index * 3000,
  startsDecoding,
  payload: new Uint8Array(bytes),
});
const key = (index: number) => packet(index, true);

function groupOf(packets: readonly GroupPacket[], limits = LIMITS): GroupOfPictures<GroupPacket> {
  const group = new GroupOfPictures<GroupPacket>(limits);
  for (const each of packets) group.add(each, 0);
  return group;
}

/** Indices that are there; `-` where one is missing. */
function contents(group: GroupOfPictures<GroupPacket>): string {
  if (group.firstIndex === undefined) return 'nothing';
  const indices: string[] = [];
  for (let index = group.firstIndex; index < group.endIndex; index++) indices.push(group.get(index) ? `${index}` : '-');
  return indices.join(' ');
}

describe('GroupOfPictures', () => {
  it.each<[string, GroupPacket[], string, boolean]>([
    ['nothing before a key frame', [packet(1), packet(2)], 'nothing', false],
    ['the key frame and all after it', [packet(1), key(2), packet(3), packet(4)], '2 3 4', true],
    ['the newest key frame only', [key(1), packet(2), key(3), packet(4)], '3 4', true],
    ['a hole where a packet is missing', [key(1), packet(3)], '1 - 3', false],
    ['a late packet in its place', [key(1), packet(4), packet(3), packet(2)], '1 2 3 4', true],
    ['a repeated packet once', [key(1), packet(2), packet(2)], '1 2', true],
    ['nothing that is older than the key frame', [key(5), packet(4)], '5', true],
    ['a key frame whose first packet was overtaken', [key(1), packet(2), packet(4), key(3)], '3 4', true],
    ['the same with a hole before it', [key(1), packet(5), key(4)], '4 5', true],
    ['nothing after a jump that nobody repairs', [key(1), packet(5000)], 'nothing', false],
  ])('holds %s', (_what, packets, expected, isWhole) => {
    const group = groupOf(packets);
    expect(contents(group)).toBe(expected);
    expect(group.isWhole).toBe(isWhole);
  });

  it('lets a group go that has too many bytes, until the next key frame', () => {
    const group = groupOf([key(1), packet(2, false, 1885), packet(3)]);
    expect(contents(group)).toBe('nothing');
    group.add(packet(4), 0);
    expect(contents(group)).toBe('nothing');
    group.add(key(5), 0);
    expect(contents(group)).toBe('5');
  });

  it('counts the whole datagrams that payloads are views of', () => {
    const limits = { maxBytes: 100_000, maxMs: 15_000 };
    const view = (index: number) => ({ ...packet(index, index === 0), payload: new Uint8Array(1500).subarray(1490) });
    const group = groupOf(
      Array.from({ length: 50 }, (_none, index) => view(index)),
      limits,
    );
    expect(group.bytes).toBe(50 * (1500 + OVERHEAD_BYTES));
    for (let index = 50; index < 60; index++) group.add(view(index), 0);
    expect(contents(group)).toBe('nothing');
  });

  it('lets a group go that lasts too long, and keeps one for as long as nothing is added', () => {
    const group = groupOf([key(1)]);
    group.add(packet(2), 10_000);
    expect(contents(group)).toBe('1 2');
    group.add(packet(3), 10_001);
    expect(contents(group)).toBe('nothing');
  });

  it('is bounded in places too, whatever numbers a publisher takes', () => {
    const group = new GroupOfPictures<GroupPacket>({ maxBytes: 16_000_000, maxMs: 15_000 });
    for (let count = 0; count < 10_000; count++) group.add(packet(count * 1000, count === 0, 1), 0);
    expect(group.endIndex - (group.firstIndex ?? group.endIndex)).toBeLessThan(3_000);
    for (let index = 0; index < 200_000; index++) group.add(packet(index, index === 0, 1), 0);
    expect(group.endIndex - (group.firstIndex ?? group.endIndex)).toBeLessThan(60_000);
  });

  it('lets a group go in which a frame is larger than any camera’s', () => {
    const group = new GroupOfPictures<GroupPacket>({ maxBytes: 16_000_000, maxMs: 15_000 });
    const ofOneFrame = (index: number) => ({ ...packet(index, index === 0, 1000), timestamp: 0 });
    for (let index = 0; index < 1000; index++) group.add(ofOneFrame(index), index);
    expect(group.isWhole).toBe(true);
    for (let index = 1000; index < 3000; index++) group.add(ofOneFrame(index), index);
    expect(contents(group)).toBe('nothing');
  });

  it('lets a group go that has more frames than any camera gives', () => {
    const group = new GroupOfPictures<GroupPacket>({ maxBytes: 16_000_000, maxMs: 15_000 });
    for (let index = 0; index < 1800; index++) group.add(packet(index, index === 0), index);
    expect(group.isWhole).toBe(true);
    group.add(packet(1800), 1800);
    expect(contents(group)).toBe('nothing');
  });

  it('counts only the frames since a key frame that was overtaken', () => {
    const group = new GroupOfPictures<GroupPacket>({ maxBytes: 16_000_000, maxMs: 15_000 });
    for (let index = 0; index < 1700; index++) if (index !== 1600) group.add(packet(index, index === 0), index);
    group.add(key(1600), 1700);
    for (let index = 1700; index < 3000; index++) group.add(packet(index), index);
    expect(group.firstIndex).toBe(1600);
    expect(group.isWhole).toBe(true);
  });

  it('keeps nothing when it may have no bytes', () => {
    expect(contents(groupOf([key(1)], { maxBytes: 0, maxMs: 1000 }))).toBe('nothing');
  });

  it('counts its bytes through any order, and is whole exactly when nothing is missing', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const sent = Array.from({ length: 60 }, (_none, index) => ({
        item: packet(index, index % 20 === 0, 1 + Math.floor(random() * 30)),
        atMs: index,
      }));
      const group = new GroupOfPictures<GroupPacket>({ maxBytes: 100_000, maxMs: 1000 });
      for (const { item } of throughNetwork(random, sent, { loss: 0.05, duplication: 0.1, jitterMs: 6 })) {
        group.add(item, 0);
        const { firstIndex } = group;
        if (firstIndex === undefined) continue;
        const there = Array.from({ length: group.endIndex - firstIndex }, (_none, at) => group.get(firstIndex + at));
        expect(there[0]?.startsDecoding).toBe(true);
        expect(group.isWhole).toBe(!there.includes(undefined));
        expect(group.bytes).toBe(
          there.reduce((sum, each) => sum + (each ? each.payload.length + OVERHEAD_BYTES : 0), 0),
        );
      }
    }
  });
});

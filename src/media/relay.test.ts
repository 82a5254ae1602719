import { describe, expect, it } from 'vitest';
import { sourcePacket } from '../test/media-fixtures.ts';
import { deltaFrame, keyFrame, OPUS, opusPacket, VP8 } from '../test/rtp-fixtures.ts';
import { Relay } from './relay.ts';
import type { CanonicalPacket } from './up-track.ts';

function relay() {
  let wishes = 0;
  const subject = new Relay('b', () => wishes++);
  const seen: CanonicalPacket[] = [];
  const viewer = { onPacket: (_kind: string, packet: CanonicalPacket) => seen.push(packet) };
  return { subject, seen, viewer, wishes: () => wishes };
}

const video = (bytes: Buffer) => sourcePacket(bytes, VP8);
const audio = (bytes: Buffer) => sourcePacket(bytes, OPUS);

describe('Relay', () => {
  it('gives every viewer the same packets, and none to one that left', () => {
    const { subject, seen, viewer } = relay();
    const other: CanonicalPacket[] = [];
    const leaving = { onPacket: (_kind: string, packet: CanonicalPacket) => other.push(packet) };
    subject.addViewer(viewer);
    subject.addViewer(leaving);
    subject.receive('p', video(keyFrame({ sequence: 1 })));
    subject.receive('p', audio(opusPacket({ sequence: 1, ssrc: 2 })));
    subject.removeViewer(leaving);
    subject.receive('p', video(deltaFrame({ sequence: 2 })));
    expect([seen.length, other.length]).toEqual([3, 2]);
    expect(other[0]).toBe(seen[0]);
  });

  it('wishes for a key frame of a new source as soon as somebody can receive it, and not before', () => {
    const { subject, viewer, wishes } = relay();
    subject.receive('p', video(deltaFrame({ sequence: 1 })));
    expect(wishes()).toBe(0);
    subject.addViewer(viewer);
    subject.receive('p', video(deltaFrame({ sequence: 2 })));
    expect(wishes()).toBe(1);
    subject.receive('p', video(keyFrame({ sequence: 3 })));
    subject.receive('p', video(deltaFrame({ sequence: 4 })));
    expect(wishes()).toBe(1);
  });
});

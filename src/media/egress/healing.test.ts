import { beforeEach, describe, expect, it } from 'vitest';
import { Healing } from './healing.ts';

const VIEWER = {};
const group = (durationMs: number, firstIndex = 0) => ({ firstIndex, durationMs });

let healing: Healing<object>;
beforeEach(() => {
  healing = new Healing();
});

describe('a viewer that lost the picture', () => {
  it('is sent the group when it began live', () => {
    expect(healing.allows(VIEWER, group(5_000), 0, 0)).toBe(true);
  });

  it('is not sent it again at once when it has just begun with it', () => {
    healing.sent(VIEWER, group(1_000), 10_000);
    expect(healing.allows(VIEWER, group(2_900), 0, 11_999)).toBe(false);
    expect(healing.allows(VIEWER, group(3_000), 0, 12_000)).toBe(true);
  });

  it('is not sent a long one more often than it lasts', () => {
    healing.sent(VIEWER, group(5_000), 10_000);
    expect(healing.allows(VIEWER, group(9_900), 0, 14_999)).toBe(false);
    expect(healing.allows(VIEWER, group(9_900), 0, 15_000)).toBe(true);
  });

  it('waits for the next key frame when the group did not help twice', () => {
    for (const nowMs of [0, 10_000, 20_000]) {
      expect(healing.allows(VIEWER, group(1_000), 0, nowMs)).toBe(true);
      healing.sent(VIEWER, group(1_000), nowMs);
    }
    expect(healing.allows(VIEWER, group(1_000), 0, 60_000)).toBe(false);
    expect(healing.allows(VIEWER, group(1_000, 300), 0, 60_000)).toBe(true);
  });

  it('is sent nothing more than what is live while it reports that it loses much of that', () => {
    expect(healing.allows(VIEWER, group(1_000), 0.3, 0)).toBe(false);
    expect(healing.allows(VIEWER, group(1_000), 0.02, 0)).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { failures, goals, microsecondsPerPacket, type SweepRow, viewersPerCore } from './results.ts';

const spent = { seconds: 10, serverCpuMs: 5_000, loadCpuMs: 1_000, coreBusyMs: 5_100, coreSoftInterruptMs: 0 };

function row(changes: Partial<SweepRow> = {}): SweepRow {
  return {
    ...spent,
    engine: 'native',
    viewers: 1_000,
    readers: 20,
    delivered: 2_000_000,
    publishedPerSecond: 200,
    lost: 0,
    lostOfReaders: 0,
    exact: true,
    expected: 2_600_000,
    duplicates: 0,
    reordered: 0,
    misnumbered: 0,
    repeatedByPublisher: 0,
    delayP50Ms: 1,
    delayP99Ms: 4,
    joins: { ...spent, joined: 500, retried: 0, failed: 0, firstError: undefined },
    sentByServer: 2_600_000,
    ...changes,
  };
}

describe('a row of the sweep', () => {
  it('says what a packet costs and how many viewers a core would carry', () => {
    expect(microsecondsPerPacket(row())).toBe(2.5);
    expect(viewersPerCore(row())).toBe(2_000);
  });
});

describe('a benchmark', () => {
  it.each<[string, Partial<SweepRow>]>([
    ['nothing is wrong', {}],
    ['packets came in another order', { reordered: 3 }],
    ['the kernel could only estimate', { exact: false, lost: -5_000 }],
    ['packets were lost while the server had no time left', { lost: 9, serverCpuMs: 9_500 }],
    ['packets were lost while others used its core', { lost: 9, coreBusyMs: 9_500 }],
  ])('passes when %s', (_name, changes) => {
    expect(failures({ sweep: [row(changes)], single: undefined })).toEqual([]);
  });

  it.each<[string, Partial<SweepRow>]>([
    ['9 packets lost', { lost: 9 }],
    ['9 packets lost', { lost: 9, coreBusyMs: undefined }],
    ['2 packets too many', { lost: -2 }],
    ['20000 packets lost', { exact: false, lost: 20_000 }],
    ['2 packets came twice', { duplicates: 2, serverCpuMs: 9_500 }],
    ['1 packets had a wrong sequence number', { misnumbered: 1, serverCpuMs: 9_500 }],
    ['3 joins failed', { joins: { ...spent, joined: 497, retried: 6, failed: 3, firstError: 'no' } }],
  ])('fails because of %s', (complaint, changes) => {
    const [failure = '', ...others] = failures({ sweep: [row(changes)], single: undefined });
    expect(failure).toContain(complaint);
    expect(others).toEqual([]);
  });
});

describe('the goals', () => {
  const of = (what: string, changes: Partial<SweepRow> = {}) =>
    goals({ sweep: [row(changes)], single: undefined }).find((goal) => goal.what.startsWith(what))?.met;

  it('are met at the very figure, and not above', () => {
    expect(of('CPU per packet')).toBe(true);
    expect(of('CPU per packet', { serverCpuMs: 5_100 })).toBe(false);
    expect(of('viewers per core', { serverCpuMs: 5_100 })).toBe(false);
    expect(of('delay added', { delayP99Ms: 5.1 })).toBe(false);
  });

  it('are open where nothing was measured', () => {
    expect(of('joins')).toBeUndefined();
    expect(of('CPU per packet', { viewers: 200 })).toBeUndefined();
  });

  it('allow the portable engine more', () => {
    expect(of('CPU per packet', { engine: 'portable', serverCpuMs: 40_000 })).toBe(true);
  });
});

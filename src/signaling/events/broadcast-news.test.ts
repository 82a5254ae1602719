// What listeners of a broadcast are told, and when: pure rules.

import { describe, expect, it } from 'vitest';
import type { BroadcastState, BroadcastView } from '../../broadcast/service.ts';
import type { Track } from '../../rtp/codec.ts';
import { OPUS, trackOf, VP8 } from '../../test/fakes.ts';
import { BroadcastNews, layersOf, type SessionNews, videoMidIn } from './broadcast-news.ts';

function view(state: BroadcastState, viewers = 1, tracks: readonly Track[] = []): BroadcastView {
  return { name: 'live', state, sinceMs: 0, viewers, tracks, title: '', listed: true, graceEndsAtMs: undefined };
}

/** In words: `active`, `viewercount 2`. */
function words(news: readonly SessionNews[]): string[] {
  return news.map(({ name, data }) => {
    if (name === 'viewercount') return `viewercount ${(data as { viewercount: number }).viewercount}`;
    return name === 'layers' ? `layers ${JSON.stringify(data)}` : name;
  });
}

/** A track as it may be once layers have names and figures. */
function simulcast(layers: unknown): Track {
  return { kind: 'video', codec: VP8, layers } as Track;
}

describe('a new listener', () => {
  it.each<[BroadcastState, string[]]>([
    ['live', ['active', 'viewercount 3', 'layers {"1":[]}']],
    ['interrupted', ['viewercount 3', 'layers {"1":[]}']],
    ['idle', ['viewercount 3', 'layers {"1":[]}']],
  ])('of a broadcast that is %s is told %j', (state, told) => {
    expect(words(new BroadcastNews().begin(view(state, 3, [trackOf(VP8)]), '1'))).toEqual(told);
  });

  it('that connects again hears all that holds, and that nobody publishes any more', () => {
    const news = new BroadcastNews();
    news.begin(view('live'), '1');
    expect(words(news.begin(view('live'), '1'))).toEqual(['active', 'viewercount 1', 'layers {}']);
    expect(words(news.begin(view('interrupted'), '1'))).toEqual(['inactive', 'viewercount 1', 'layers {}']);
    expect(words(news.begin(view('idle'), '1'))).toEqual(['viewercount 1', 'layers {}']);
  });
});

describe('a listener', () => {
  it('hears of what changed, and of nothing else', () => {
    const news = new BroadcastNews();
    news.begin(view('idle'), '1');
    expect(news.changes(view('idle'), '1')).toEqual([]);
    expect(words(news.changes(view('live', 1, [trackOf(OPUS), trackOf(VP8)]), '1'))).toEqual([
      'active',
      'layers {"1":[]}',
    ]);
    expect(words(news.changes(view('live', 2, [trackOf(VP8)]), '1'))).toEqual(['viewercount 2']);
    expect(words(news.changes(view('interrupted', 2, [trackOf(VP8)]), '1'))).toEqual(['inactive']);
    expect(news.changes({ ...view('interrupted', 2, [trackOf(VP8)]), title: 'Finals' }, '1')).toEqual([]);
    expect(words(news.changes(view('idle', 2), '1'))).toEqual(['layers {}']);
  });
});

describe('layers', () => {
  it.each<[string, unknown, object[]]>([
    ['of which only the number is known', 3, []],
    ['with names', [{ rid: 'l' }, { rid: 'h' }], [{ rid: 'l' }, { rid: 'h' }]],
    [
      'with figures',
      [{ rid: 'h', active: true, bitrateBps: 1_200_000.4, width: 1280, height: 720 }],
      [{ rid: 'h', bitrate: 1_200_000, width: 1280, height: 720 }],
    ],
    [
      'that are not sent are left out',
      [
        { rid: 'l', active: true },
        { rid: 'h', active: false },
      ],
      [{ rid: 'l' }],
    ],
    ['of which nothing is known yet', [{ rid: null, active: true, bitrateBps: null, width: null, height: null }], [{}]],
    ['that nobody understands', [null, 'h', 7], []],
  ])('%s', (_, layers, told) => {
    expect(layersOf([trackOf(OPUS), simulcast(layers)], '1')).toEqual({ 1: told });
  });

  it('are none without video, or at a viewer without video', () => {
    expect(layersOf([trackOf(OPUS)], '1')).toEqual({});
    expect(layersOf([trackOf(VP8)], undefined)).toEqual({});
  });
});

describe('the mid of the video', () => {
  const section = (kind: string, port: number, mid: string) =>
    `m=${kind} ${port} UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:${mid}\r\na=sendonly\r\n`;

  it.each([
    ['in a usual answer', section('audio', 9, '0') + section('video', 9, '1'), '1'],
    ['with a name', section('video', 9, 'camera') + section('application', 9, '2'), 'camera'],
    ['of a section that is refused', section('audio', 9, '0') + section('video', 0, '1'), undefined],
    ['without video', section('audio', 9, '0'), undefined],
    ['of nonsense', 'answer to offer', undefined],
  ])('%s', (_, sections, mid) => {
    expect(videoMidIn(`v=0\r\ns=-\r\n${sections}`)).toBe(mid);
  });
});

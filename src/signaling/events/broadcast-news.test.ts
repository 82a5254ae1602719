// What listeners of a broadcast are told, and when: pure rules.

import { describe, expect, it } from 'vitest';
import type { LayerView } from '../../broadcast/ports.ts';
import type { BroadcastState, BroadcastView } from '../../broadcast/service.ts';
import { Stage } from '../../test/stage.ts';
import { BroadcastNews, type SessionNews, videoMidIn } from './broadcast-news.ts';

const IDLE = new Stage().registry.describe('live');
const LAYER: LayerView = {
  rid: 'h',
  active: true,
  bitrateBps: 1_200_000.4,
  width: 1280,
  height: 720,
  forwarded: true,
};

function view(state: BroadcastState, viewers = 1): BroadcastView {
  return { ...IDLE, state, viewers };
}

/** In words: `active`, `viewercount 2`. */
function words(news: readonly SessionNews[]): string[] {
  return news.map(({ name, data }) => {
    if (name === 'viewercount') return `viewercount ${(data as { viewercount: number }).viewercount}`;
    return name === 'layers' ? `layers ${JSON.stringify(data)}` : name;
  });
}

describe('a new listener', () => {
  it.each<[BroadcastState, string[]]>([
    ['live', ['active', 'viewercount 3', 'layers {}']],
    ['interrupted', ['viewercount 3', 'layers {}']],
    ['idle', ['viewercount 3', 'layers {}']],
  ])('of a broadcast that is %s is told %j', (state, told) => {
    expect(words(new BroadcastNews().begin(view(state, 3), [], '1'))).toEqual(told);
  });

  it('that connects again hears all that holds, and that nobody publishes any more', () => {
    const news = new BroadcastNews();
    news.begin(view('live'), [], '1');
    expect(words(news.begin(view('live'), [], '1'))).toEqual(['active', 'viewercount 1', 'layers {}']);
    expect(words(news.begin(view('interrupted'), [], '1'))).toEqual(['inactive', 'viewercount 1', 'layers {}']);
    expect(words(news.begin(view('idle'), [], '1'))).toEqual(['viewercount 1', 'layers {}']);
  });
});

describe('a listener', () => {
  it('hears of what changed, and of nothing else', () => {
    const news = new BroadcastNews();
    news.begin(view('idle'), [], '1');
    expect(news.changes(view('idle'))).toEqual([]);
    expect(words(news.changes(view('live')))).toEqual(['active']);
    expect(words(news.changes(view('live', 2)))).toEqual(['viewercount 2']);
    expect(words(news.changes(view('interrupted', 2)))).toEqual(['inactive']);
    expect(news.changes({ ...view('interrupted', 2), title: 'Finals' })).toEqual([]);
    expect(news.changes(view('idle', 2))).toEqual([]);
  });

  it('hears of layers when what it is told of them is different', () => {
    const news = new BroadcastNews();
    news.begin(view('live'), [], '1');
    expect(news.layers([], '1')).toEqual([]);
    expect(news.layers([LAYER], '1')).toHaveLength(1);
    expect(news.layers([{ ...LAYER, forwarded: false }], '1')).toEqual([]);
    expect(words(news.layers([], '1'))).toEqual(['layers {}']);
  });
});

describe('layers', () => {
  it.each<[string, Partial<LayerView>[], object]>([
    ['have name, bitrate and size', [{}], { 1: [{ rid: 'h', bitrate: 1_200_000, width: 1280, height: 720 }] }],
    ['are told as far as they are known', [{ rid: null, width: null, height: null }], { 1: [{ bitrate: 1_200_000 }] }],
    [
      'that are not sent are left out',
      [{ active: false }, { rid: 'l', width: 320, height: 180 }],
      { 1: [{ rid: 'l', bitrate: 1_200_000, width: 320, height: 180 }] },
    ],
    ['that are all silent are none', [{ active: false }], {}],
  ])('%s', (_, layers, data) => {
    const all = layers.map((layer) => ({ ...LAYER, ...layer }));
    expect(new BroadcastNews().layers(all, '1')).toEqual([{ name: 'layers', data }]);
  });

  it('are none at a viewer without video', () => {
    expect(new BroadcastNews().layers([LAYER], undefined)).toEqual([{ name: 'layers', data: {} }]);
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

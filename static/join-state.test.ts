// Which state a viewer sees.

import { describe, expect, it } from 'vitest';
import { JOIN_WORDS, type JoinFacts, joinState } from './join-state.js';

const LIVE: JoinFacts = {
  phase: 'connected',
  everConnected: true,
  isCarried: false,
  broadcast: 'live',
  wasSeen: true,
  hasPicture: true,
  hasOldPicture: false,
  isStill: false,
  unsupportedCodec: null,
};

describe('joinState', () => {
  it.each<[string, Partial<JoinFacts>, string]>([
    ['a picture of a live broadcast', {}, 'live'],
    ['a picture before the server said anything', { broadcast: undefined }, 'live'],
    ['connected, first frame not here yet', { hasPicture: false, wasSeen: false }, 'connecting'],
    ['connected again, new first frame not here yet', { hasPicture: false }, 'reconnecting'],
    ['the first connection', { phase: 'opening', everConnected: false, hasPicture: false }, 'connecting'],
    ['a lost connection', { phase: 'waiting' }, 'reconnecting'],
    ['an unsteady connection', { phase: 'unsteady' }, 'reconnecting'],
    ['a server that is gone, though nobody noticed yet', { isStill: true }, 'reconnecting'],
    [
      'the same while a new path is looked for',
      { isStill: true, phase: 'restarting', isCarried: true },
      'reconnecting',
    ],
    ['a new path looked for while the picture runs', { phase: 'restarting', isCarried: true }, 'live'],
    ['another connection made while the picture runs', { phase: 'connecting', isCarried: true }, 'live'],
    ['a server asked again while the picture runs', { phase: 'moving', isCarried: true }, 'live'],
    [
      'a connection that works and shows nothing yet',
      { phase: 'moving', isCarried: true, hasPicture: false },
      'reconnecting',
    ],
    [
      'an absent publisher, another connection made meanwhile',
      { phase: 'moving', isCarried: true, broadcast: 'interrupted' },
      'interrupted',
    ],
    [
      'another server, whose publisher is on the way',
      { broadcast: 'idle', hasPicture: false, hasOldPicture: true },
      'live',
    ],
    ['nobody publishes yet', { broadcast: 'idle', wasSeen: false, hasPicture: false }, 'waiting'],
    ['nobody publishes any more', { broadcast: 'idle' }, 'ended'],
    ['the publisher is gone for a moment', { broadcast: 'interrupted' }, 'interrupted'],
    ['both sides are gone', { broadcast: 'interrupted', phase: 'opening' }, 'reconnecting'],
    ['a codec of the publisher that we lack', { unsupportedCodec: 'AV1' }, 'unsupported'],
    [
      'a codec that another offer may have',
      { unsupportedCodec: 'AV1', phase: 'moving', isCarried: true },
      'reconnecting',
    ],
    ['an offer that was refused for its codecs', { phase: 'unsupported' }, 'unsupported'],
    ['a key is needed', { phase: 'needs-key', everConnected: false }, 'needs-key'],
    ['the server refused', { phase: 'refused' }, 'stopped'],
  ])('%s', (_name, facts, state) => {
    expect(joinState({ ...LIVE, ...facts })).toBe(state);
    expect(Object.keys(JOIN_WORDS)).toContain(state);
  });
});

// Who is here under which name, what they write, and who is kept from writing.

import { describe, expect, test } from 'vitest';
import { resumeOf, Stage } from '../test/stage.ts';
import type { BroadcastEvent, OpenedSession } from './service.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What was told about who is here: `+Ann -Bob ~Cy 2`. */
function newsOfPeople({ events }: Stage): string[] {
  return events.flatMap((event) => {
    if (event.type !== 'presence') return [];
    const { joined, left, changed, total } = event.change;
    const words = [
      ...joined.map(({ name }) => `+${name}`),
      ...left.map(({ name }) => `-${name}`),
      ...changed.map(({ name }) => `~${name}`),
    ];
    return [[...words, total].join(' ')];
  });
}

const eventsOf = <Type extends BroadcastEvent['type']>({ events }: Stage, type: Type) =>
  events.filter((event): event is Extract<BroadcastEvent, { type: Type }> => event.type === type);
const told = (stage: Stage) => eventsOf(stage, 'chat').map(({ message }) => message.text);

function codeOf(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

async function named(stage: Stage, name: string): Promise<OpenedSession & { transportId: string }> {
  const viewer = await stage.watch();
  stage.registry.people.rename(viewer.session.id, name);
  return viewer;
}

describe('presence', () => {
  test('is told to thousands less often: at most 20,000 deliveries a second', async () => {
    const stage = new Stage();
    const clients = 10_000;
    stage.registry.subscribe(
      () => {},
      () => clients,
    );
    const people = await Promise.all(Array.from({ length: 10 }, () => stage.watch()));
    for (let round = 0; round < 10; round += 1) {
      for (const [index, { session }] of people.entries()) {
        stage.registry.people.rename(session.id, `${round} of ${index}`);
        stage.clock.advance(100);
      }
    }
    expect((newsOfPeople(stage).length * clients) / 10).toBeLessThanOrEqual(20_000);
    stage.clock.advance(1_000);
    expect(newsOfPeople(stage).at(-1)).toContain('~9 of 9');
  });

  test('lists those who give a name, and tells changes four times a second', async () => {
    const stage = new Stage();
    const ann = await named(stage, 'Ann');
    await stage.watch();
    const publisher = await stage.publish();
    stage.registry.people.rename(publisher.session.id, 'Zoe');
    expect(stage.registry.people.present('live')).toEqual({ people: [], total: 0 });
    stage.clock.advance(250);
    expect(stage.registry.people.present('live')).toEqual({
      people: [
        { viewer: ann.session.alias, name: 'Ann', role: 'viewer' },
        { viewer: publisher.session.alias, name: 'Zoe', role: 'publisher' },
      ],
      total: 2,
    });
    stage.registry.people.rename(ann.session.id, 'Anna');
    stage.registry.people.rename(publisher.session.id, '');
    stage.clock.advance(1_000);
    expect(newsOfPeople(stage)).toEqual(['+Ann +Zoe 2', '-Zoe ~Anna 1']);
  });

  test('a viewer that resumes neither leaves nor joins; it leaves when its session ends', async () => {
    const stage = new Stage();
    const ann = await named(stage, 'Ann');
    stage.clock.advance(250);
    stage.lose(ann.transportId);
    stage.clock.advance(5_000);
    const again = await stage.watch(resumeOf(ann));
    stage.clock.advance(5_000);
    expect(newsOfPeople(stage)).toEqual(['+Ann 1']);
    expect(stage.registry.session(ann.session.id)?.name).toBe('Ann');
    stage.lose(again.transportId);
    stage.clock.advance(30_000 + 250);
    expect(newsOfPeople(stage)).toEqual(['+Ann 1', '-Ann 0']);
    expect(stage.clock.pending).toBe(0);
  });

  test('a restart of the server neither: names are kept, and whoever does not come back leaves', async () => {
    const before = new Stage();
    const ann = await named(before, 'Ann');
    await named(before, 'Bob');
    const stage = before.restart();
    stage.clock.advance(250);
    await stage.watch(resumeOf(ann));
    stage.clock.advance(30_000);
    expect(newsOfPeople(stage)).toEqual(['+Ann +Bob 2', '-Bob 1']);
  });

  test('who never connects is here only while trying', async () => {
    const stage = new Stage();
    const { session } = await stage.open('viewer');
    stage.registry.people.rename(session.id, 'Ann');
    stage.clock.advance(15_000 + 250);
    expect(newsOfPeople(stage)).toEqual(['+Ann 1', '-Ann 0']);
  });

  test('a name is tidied, kept, told to its session, and refused when it is none', async () => {
    const stage = new Stage();
    const { session } = await stage.watch();
    stage.registry.people.rename(session.id, '  Ann ');
    expect(stage.events.at(-1)).toMatchObject({ type: 'session', session: { id: session.id, name: 'Ann' } });
    const news = stage.events.length;
    stage.registry.people.rename(session.id, 'Ann');
    expect(stage.events).toHaveLength(news);
    expect(codeOf(() => stage.registry.people.rename(session.id, 'a\u202eb'))).toBe('invalid_display_name');
    expect(codeOf(() => stage.registry.people.rename('unknown', 'Ann'))).toBe('unknown_session');
    expect(stage.store.load().sessions).toMatchObject([{ name: 'Ann' }]);
  });
});

test('a viewer is not called as pages call the publisher', async () => {
  const stage = new Stage();
  const [publisher, viewer] = [await stage.publish(), await stage.watch()];
  expect(codeOf(() => stage.registry.people.rename(viewer.session.id, ' Broadcaster'))).toBe('invalid_display_name');
  expect(codeOf(() => stage.registry.people.rename(publisher.session.id, 'Broadcaster'))).toBeUndefined();
});

describe('chat', () => {
  test('goes to everybody, with who wrote it, and is remembered', async () => {
    const stage = new Stage();
    const ann = await named(stage, 'Ann');
    stage.registry.chat.post('live', { sessionId: ann.session.id }, ' Hello ');
    stage.registry.chat.post('live', { role: 'program', name: 'Bot' }, 'Beep');
    const history = stage.registry.chat.history('live');
    expect(history).toEqual([
      {
        id: expect.any(String),
        viewer: ann.session.alias,
        name: 'Ann',
        role: 'viewer',
        text: 'Hello',
        atMs: stage.clock.now(),
      },
      { id: expect.any(String), viewer: null, name: 'Bot', role: 'program', text: 'Beep', atMs: stage.clock.now() },
    ]);
    expect(eventsOf(stage, 'chat').map(({ message }) => message)).toEqual(history);
    expect(stage.restart().registry.chat.history('live')).toEqual(history);
  });

  test('is refused by the settings of the broadcast, and for a session of another one', async () => {
    const stage = new Stage();
    const { session } = await stage.watch();
    const post = () => codeOf(() => stage.registry.chat.post('live', { sessionId: session.id }, 'Hello'));
    expect(post()).toBe('chat_needs_name');
    stage.registry.updateSettings('live', { chat: 'everyone', slowModeSeconds: 10 });
    expect(post()).toBeUndefined();
    expect(post()).toBe('chat_slow_mode');
    const other = () => stage.registry.chat.post('other', { sessionId: session.id }, 'Hello');
    expect(codeOf(other)).toBe('unknown_session');
    expect(codeOf(() => stage.registry.chat.post('live', { sessionId: 'unknown' }, 'Hello'))).toBe('unknown_session');
    expect(told(stage)).toEqual(['Hello']);
    expect(stage.restart().registry.describe('live')).toMatchObject({ chat: 'everyone', slowModeSeconds: 10 });
  });

  test('takes nothing from a viewer that has never been connected', async () => {
    const stage = new Stage();
    const { session } = await stage.open('viewer');
    stage.registry.people.rename(session.id, 'Ann');
    const post = () => codeOf(() => stage.registry.chat.post('live', { sessionId: session.id }, 'Hello'));
    expect(post()).toBe('chat_not_connected');
    stage.media.emit({ type: 'connected', transportId: stage.media.lastTransportId });
    stage.lose(stage.media.lastTransportId);
    expect(post()).toBeUndefined();
  });

  test('keeps so many messages, in the store too', async () => {
    const stage = new Stage({ chatMessages: 2 });
    for (const text of ['1', '2', '3']) stage.registry.chat.post('live', { role: 'program', name: '' }, text);
    const texts = (each: Stage) => each.registry.chat.history('live').map(({ text }) => text);
    expect([texts(stage), texts(stage.restart())]).toEqual([
      ['2', '3'],
      ['2', '3'],
    ]);
  });

  test('that is too long after a restart with other limits is cut, in the store too', () => {
    const before = new Stage();
    for (const text of ['1', '2', '3']) before.registry.chat.post('live', { role: 'program', name: '' }, text);
    before.registry.close();
    const stage = new Stage({ chatMessages: 2 }, before);
    expect(stage.registry.chat.history('live').map(({ text }) => text)).toEqual(['2', '3']);
    expect(stage.store.load().broadcasts[0]?.chat).toHaveLength(2);
  });

  test('loses a message that is deleted, which everybody is told; of one that is not remembered nobody is', () => {
    const stage = new Stage();
    stage.registry.chat.post('live', { role: 'program', name: '' }, 'Beep');
    const [message] = stage.registry.chat.history('live');
    stage.registry.chat.remove('live', message?.id ?? '');
    stage.registry.chat.remove('live', 'long-gone');
    expect(eventsOf(stage, 'chat-deleted').map(({ ids }) => ids)).toEqual([[message?.id]]);
    expect(stage.registry.chat.history('live')).toEqual([]);
    expect(stage.store.load().broadcasts).toEqual([]);
  });

  test('outlives the broadcast, and is forgotten a day after everybody has gone', async () => {
    const stage = new Stage();
    const publisher = await stage.publish();
    const ann = await named(stage, 'Ann');
    stage.registry.chat.post('live', { sessionId: ann.session.id }, 'Thanks!');
    stage.registry.end(publisher.session.id);
    stage.clock.advance(2 * DAY_MS);
    expect(stage.registry.chat.history('live')).toHaveLength(1);
    stage.registry.end(ann.session.id);
    stage.clock.advance(DAY_MS - 1);
    expect(stage.registry.chat.history('live')).toHaveLength(1);
    stage.clock.advance(1);
    expect(stage.registry.chat.history('live')).toEqual([]);
    expect(stage.store.load().broadcasts).toEqual([]);
  });

  test('of a program that writes to nobody is kept for a day after each message', () => {
    const stage = new Stage();
    const post = (text: string) => stage.registry.chat.post('live', { role: 'program', name: 'Clock' }, text);
    for (let hour = 0; hour < 30; hour += 1) {
      post(`${hour}`);
      stage.clock.advance(DAY_MS / 24);
    }
    expect(stage.registry.chat.history('live')).toHaveLength(30);
    stage.clock.advance(DAY_MS);
    expect(stage.registry.chat.history('live')).toEqual([]);
  });

  test('whose last message is deleted leaves the settings their 30 days', async () => {
    const stage = new Stage();
    const publisher = await stage.publish();
    stage.registry.updateSettings('live', { title: 'Show' });
    stage.registry.chat.post('live', { sessionId: publisher.session.id }, 'Hello');
    stage.registry.end(publisher.session.id);
    stage.clock.advance(DAY_MS / 2);
    stage.registry.chat.remove('live', stage.registry.chat.history('live')[0]?.id ?? '');
    stage.clock.advance(30 * DAY_MS - 1);
    expect(stage.registry.describe('live').title).toBe('Show');
    stage.clock.advance(1);
    expect(stage.registry.describe('live').title).toBe('');
  });

  test('loses only so many messages in a moment', () => {
    const stage = new Stage({ noticeBurst: 2 });
    for (const text of ['1', '2', '3']) stage.registry.chat.post('live', { role: 'program', name: '' }, text);
    const ids = stage.registry.chat.history('live').map(({ id }) => id);
    const remove = (id: string) => codeOf(() => stage.registry.chat.remove('live', id));
    expect(ids.map(remove)).toEqual([undefined, undefined, 'too_many_requests']);
    expect(stage.registry.chat.history('live').map(({ text }) => text)).toEqual(['3']);
    stage.clock.advance(1_000);
    expect(ids.map(remove)).toEqual([undefined, undefined, undefined]);
    expect(eventsOf(stage, 'chat-deleted')).toHaveLength(3);
  });

  test('nobody writes while the server stops', () => {
    const stage = new Stage();
    stage.registry.close();
    expect(codeOf(() => stage.registry.chat.post('live', { role: 'program', name: '' }, 'x'))).toBe('shutting_down');
  });
});

describe('a muted viewer', () => {
  const HALF_HOUR = { seconds: 1800, reason: 'Too loud' };

  test('does not write until the time is over, also after it resumed and the server was restarted', async () => {
    const before = new Stage();
    const ann = await named(before, 'Ann');
    before.registry.chat.mute('live', { viewer: ann.session.alias, ...HALF_HOUR });
    const mute = { untilMs: before.clock.now() + 1_800_000, reason: 'Too loud' };
    expect(eventsOf(before, 'session').at(-1)?.session).toMatchObject({ id: ann.session.id, mute });
    const stage = before.restart();
    await stage.watch(resumeOf(ann));
    const post = () => codeOf(() => stage.registry.chat.post('live', { sessionId: ann.session.id }, 'Hello'));
    expect(post()).toBe('chat_muted');
    expect(stage.registry.chat.mutes('live')).toEqual([{ viewer: ann.session.alias, name: 'Ann', ...mute }]);
    stage.clock.advance(1_800_000);
    expect(post()).toBeUndefined();
    expect(stage.registry.chat.mutes('live')).toEqual([]);
  });

  test('writes again when it is taken back; what it wrote before stays', async () => {
    const stage = new Stage();
    const ann = await named(stage, 'Ann');
    const post = () => codeOf(() => stage.registry.chat.post('live', { sessionId: ann.session.id }, 'Hello'));
    post();
    stage.registry.chat.mute('live', { viewer: ann.session.alias, ...HALF_HOUR });
    expect(stage.registry.chat.history('live')).toHaveLength(1);
    stage.registry.chat.mute('live', { viewer: ann.session.alias, seconds: 0, reason: '' });
    expect(post()).toBeUndefined();
    expect(eventsOf(stage, 'mutes')).toHaveLength(2);
  });

  test('who has gone is taken from the list when somebody asks, so many times in a moment', async () => {
    const stage = new Stage({ noticeBurst: 2 });
    await stage.publish();
    const ann = await named(stage, 'Ann');
    const mute = (seconds: number) =>
      codeOf(() => stage.registry.chat.mute('live', { viewer: ann.session.alias, seconds, reason: '' }));
    expect(mute(60)).toBeUndefined();
    stage.registry.end(ann.session.id);
    expect([mute(0), mute(0)]).toEqual([undefined, 'too_many_requests']);
    expect(eventsOf(stage, 'mutes')).toHaveLength(2);
    expect(stage.registry.chat.mutes('live')).toEqual([]);
  });

  test('must be here, as must there be room among the muted', async () => {
    const stage = new Stage({ mutes: 1 });
    const [ann, bob] = [await named(stage, 'Ann'), await named(stage, 'Bob')];
    const publisher = await stage.publish();
    const mute = (viewer: string, seconds = 60) =>
      codeOf(() => stage.registry.chat.mute('live', { viewer, seconds, reason: '' }));
    expect(mute('nobody')).toBe('unknown_viewer');
    expect(mute(publisher.session.alias)).toBe('unknown_viewer');
    expect([mute(ann.session.alias), mute(ann.session.alias), mute(bob.session.alias)]).toEqual([
      undefined,
      undefined,
      'chat_mutes_full',
    ]);
    expect([mute('nobody', 0), mute(ann.session.alias, 0), mute(bob.session.alias)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

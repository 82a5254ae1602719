// What every store keeps, run on each of them; and what is special about the file.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ChatMessage, Store, StoredSession } from '../broadcast/ports.ts';
import { DEFAULT_SETTINGS } from '../broadcast/settings.ts';
import { textMessage } from '../test/fakes.ts';
import { MemoryStore } from './memory-store.ts';
import { MIGRATIONS } from './sqlite-schema.ts';
import { SqliteStore } from './sqlite-store.ts';

let directory: string;
let opened: SqliteStore[];
let errors: unknown[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fanlight-store-'));
  opened = [];
  errors = [];
});

afterEach(() => {
  vi.useRealTimers();
  for (const store of opened) store.close();
  rmSync(directory, { recursive: true });
});

function openSqlite(where = directory): SqliteStore {
  const store = new SqliteStore({ directory: where, onError: (error) => errors.push(error) });
  opened.push(store);
  return store;
}

function session(id: string, change: Partial<StoredSession> = {}): StoredSession {
  return {
    id,
    role: 'viewer',
    broadcast: 'live',
    resumeTokenHash: 'aa',
    keyHash: null,
    createdAtMs: Date.UTC(2026, 0, 1),
    name: '',
    mute: undefined,
    ...change,
  };
}

const KINDS: [string, { open: () => Store; reopen: (store: Store) => Store }][] = [
  ['memory', { open: () => new MemoryStore(), reopen: (store) => store }],
  [
    'sqlite',
    {
      open: () => openSqlite(),
      reopen: (store) => {
        store.close();
        return openSqlite();
      },
    },
  ],
];

describe.each(KINDS)('the %s store', (_kind, { open, reopen }) => {
  test('is empty at first', () => {
    expect(open().load()).toEqual({ sessions: [], broadcasts: [] });
  });

  test('keeps sessions until they are deleted', () => {
    const store = open();
    const kept = [
      session('a', { name: 'Änn', mute: { untilMs: 7, reason: 'too loud' } }),
      session('b', { role: 'publisher', keyHash: 'bb', broadcast: 'other' }),
    ];
    for (const each of [...kept, session('c')]) store.saveSession(each);
    store.deleteSession('c');
    store.deleteSession('unknown');
    expect(store.load().sessions).toEqual(kept);
    expect(reopen(store).load().sessions).toEqual(kept);
  });

  test('keeps the last settings, and none that are the default', () => {
    const store = open();
    const last = { title: 'läst', listed: false, chat: 'everyone', slowModeSeconds: 30 } as const;
    store.saveSettings('a', { ...DEFAULT_SETTINGS, title: 'first' });
    store.saveSettings('a', last);
    store.saveSettings('b', { ...DEFAULT_SETTINGS, title: 'gone' });
    store.saveSettings('b', DEFAULT_SETTINGS);
    expect(reopen(store).load().broadcasts).toEqual([{ name: 'a', settings: last, stateMessages: [], chat: [] }]);
  });

  test('keeps the last message of each label as it was, oldest write first', () => {
    const store = open();
    const binary = { label: 'state/b', binary: true, payload: new Uint8Array([0, 255, 0]) };
    const empty = { label: 'state/c', binary: false, payload: new Uint8Array() };
    store.saveStateMessage('live', textMessage('state', '1'));
    store.saveStateMessage('live', binary);
    store.load();
    store.saveStateMessage('live', textMessage('state', '2'));
    store.saveStateMessage('live', empty);
    store.saveStateMessage('live', textMessage('state', '3'));
    store.saveStateMessage('other', textMessage('state', '4'));
    expect(reopen(store).load().broadcasts).toEqual([
      {
        name: 'live',
        settings: DEFAULT_SETTINGS,
        stateMessages: [binary, empty, textMessage('state', '3')],
        chat: [],
      },
      { name: 'other', settings: DEFAULT_SETTINGS, stateMessages: [textMessage('state', '4')], chat: [] },
    ]);
  });

  test('deletes the messages of one broadcast, and takes new ones after it', () => {
    const store = open();
    store.saveStateMessage('live', textMessage('state/old', '1'));
    store.saveStateMessage('live.too', textMessage('state', '2'));
    store.load();
    store.saveStateMessage('live', textMessage('state/older', '3'));
    store.saveStateMessage('live', textMessage('state/again', '4'));
    store.deleteStateMessages('live');
    store.saveStateMessage('live', textMessage('state/again', '5'));
    store.deleteStateMessages('nowhere');
    const labels = reopen(store)
      .load()
      .broadcasts.map(({ name, stateMessages }) => [name, stateMessages.map((message) => message.label)]);
    expect(labels).toEqual([
      ['live', ['state/again']],
      ['live.too', ['state']],
    ]);
  });

  test('keeps the chat in its order until it is deleted, one message or all', () => {
    const store = open();
    const said = (id: string, change: Partial<ChatMessage> = {}): ChatMessage => ({
      id,
      viewer: 'alias',
      name: 'Änn',
      role: 'viewer',
      text: `${id}\n🎥`,
      atMs: Date.UTC(2026, 0, 1),
      ...change,
    });
    const program = said('c', { viewer: null, name: '', role: 'program' });
    for (const message of [said('z'), said('b'), program]) store.saveChatMessage('live', message);
    store.saveChatMessage('other', said('z'));
    store.saveChatMessage('gone', said('z'));
    store.load();
    store.deleteChatMessage('live', 'b');
    store.deleteChat('gone');
    store.deleteChatMessage('nowhere', 'b');
    const chats = reopen(store)
      .load()
      .broadcasts.map(({ name, chat }) => [name, chat]);
    expect(chats).toEqual([
      ['live', [said('z'), program]],
      ['other', [said('z')]],
    ]);
  });

  test('can be closed twice', () => {
    const store = open();
    store.close();
    expect(() => store.close()).not.toThrow();
  });
});

describe('the file', () => {
  test('is made together with its directory', () => {
    const nested = join(directory, 'a', 'b');
    openSqlite(nested);
    expect(readdirSync(nested)).toContain('fanlight.db');
  });

  test('is written without being asked, after a moment', () => {
    vi.useFakeTimers();
    const store = openSqlite();
    const reader = new DatabaseSync(join(directory, 'fanlight.db'));
    const idsInFile = () => reader.prepare('SELECT id FROM sessions').all();
    store.saveSession(session('a'));
    vi.advanceTimersByTime(49);
    expect(idsInFile()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(idsInFile()).toEqual([{ id: 'a' }]);
    reader.close();
  });

  test('that is no database is named, with the setting', () => {
    const path = join(directory, 'fanlight.db');
    writeFileSync(path, 'certainly not a database, but long enough to be looked at'.repeat(20));
    expect(() => openSqlite()).toThrow(path);
    expect(() => openSqlite()).toThrow('DATA_DIR');
  });

  test('that is damaged inside is named when it is loaded', () => {
    const store = openSqlite();
    store.saveSession(session('a'));
    store.close();
    const path = join(directory, 'fanlight.db');
    const database = new DatabaseSync(path);
    database.exec('DROP TABLE sessions');
    database.close();
    expect(() => openSqlite().load()).toThrow(path);
  });

  test('whose directory is a file is named, with the setting', () => {
    writeFileSync(join(directory, 'file'), '');
    expect(() => openSqlite(join(directory, 'file'))).toThrow('DATA_DIR');
  });

  test('whose place is taken by a directory is named', () => {
    mkdirSync(join(directory, 'fanlight.db'));
    expect(() => openSqlite()).toThrow(join(directory, 'fanlight.db'));
  });

  test('of the first schema is brought up, with what it holds', () => {
    const first = new DatabaseSync(join(directory, 'fanlight.db'));
    first.exec(MIGRATIONS[0] ?? '');
    first.exec(`INSERT INTO sessions VALUES ('a', 'viewer', 'live', 'aa', NULL, ${session('a').createdAtMs});
      INSERT INTO settings VALUES ('live', 'Finals', 1); PRAGMA user_version = 1`);
    first.close();
    expect(openSqlite().load()).toEqual({
      sessions: [session('a')],
      broadcasts: [{ name: 'live', settings: { ...DEFAULT_SETTINGS, title: 'Finals' }, stateMessages: [], chat: [] }],
    });
  });

  test('of a newer schema is left alone', () => {
    openSqlite().close();
    const path = join(directory, 'fanlight.db');
    const newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    expect(() => openSqlite()).toThrow('newer Fanlight');
    const after = new DatabaseSync(path);
    expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: 99 });
    after.close();
  });

  test('a write that fails is told, and neither thrown nor in the way of the next', () => {
    const store = openSqlite();
    const broken = { ...session('bad'), role: 'nobody' } as unknown as StoredSession;
    store.saveSession(broken);
    store.flush();
    expect(errors).toHaveLength(1);
    store.saveSession(session('good'));
    expect(store.load().sessions).toEqual([session('good')]);
    expect(errors).toHaveLength(1);
  });

  test('a file that another process holds is told, and written a second after', () => {
    vi.useFakeTimers();
    const store = openSqlite();
    const other = new DatabaseSync(join(directory, 'fanlight.db'));
    other.exec('BEGIN IMMEDIATE');
    store.saveSession(session('a'));
    vi.advanceTimersByTime(50);
    expect(errors).toMatchObject([{ errcode: 5 }]);
    store.saveSession(session('a', { createdAtMs: 7 }));
    other.exec('ROLLBACK');
    vi.advanceTimersByTime(999);
    expect(other.prepare('SELECT id FROM sessions').all()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(other.prepare('SELECT id, created_at_ms FROM sessions').all()).toEqual([{ id: 'a', created_at_ms: 7 }]);
    expect(errors).toHaveLength(1);
    other.close();
  });

  test('writes after close are ignored', () => {
    const store = openSqlite();
    store.close();
    store.saveSession(session('late'));
    store.flush();
    expect(errors).toEqual([]);
    expect(openSqlite().load().sessions).toEqual([]);
  });
});

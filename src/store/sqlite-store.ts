// The store in one SQLite file. Writes are gathered for a moment, the last one of each row wins, and one transaction
// writes them. It must not know what the values mean, and no write failure reaches the domain.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type {
  BroadcastSettings,
  ChatMessage,
  DataMessage,
  Store,
  StoredSession,
  StoredState,
} from '../broadcast/ports.ts';
import { isDefaultSettings } from '../broadcast/settings.ts';
import { loadState } from './sqlite-rows.ts';
import { MIGRATIONS, SQL } from './sqlite-schema.ts';

const FILE = 'fanlight.db';
/** How long a write may wait for others; a process that is killed loses as much. */
const GATHER_MS = 50;
/** How long to wait for another process that has the file, e.g. a person with the sqlite3 shell. */
const BUSY_MS = 250;
/** How long to leave a file alone that somebody held: the writes stay gathered meanwhile. */
const RETRY_MS = 1_000;
/** The primary result code SQLITE_BUSY (https://www.sqlite.org/rescode.html#busy). */
const SQLITE_BUSY = 5;

interface Write {
  readonly statement: keyof typeof SQL;
  readonly values: readonly SQLInputValue[];
}

export interface SqliteStoreOptions {
  /** Directory of `fanlight.db`; made when it is missing. */
  readonly directory: string;
  /** A write failed. What it should have kept is lost, unless another process had the file: then it is tried again. */
  readonly onError: (error: unknown) => void;
}

export class SqliteStore implements Store {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** By row, in the order in which they are to be written. Names have no `/`, so the keys are unambiguous. */
  readonly #writes = new Map<string, Write>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Throws an Error that names the file and the setting when the file cannot be used. */
  constructor(options: SqliteStoreOptions) {
    this.#path = join(options.directory, FILE);
    this.#onError = options.onError;
    try {
      mkdirSync(options.directory, { recursive: true, mode: 0o700 });
      this.#database = open(this.#path);
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  load(): StoredState {
    this.flush();
    try {
      return loadState(this.#database);
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  saveSession(session: StoredSession): void {
    const { id, role, broadcast, resumeTokenHash, keyHash, createdAtMs, name, mute } = session;
    const muted = [mute?.untilMs ?? null, mute?.reason ?? ''];
    const values = [id, role, broadcast, resumeTokenHash, keyHash, createdAtMs, name, ...muted];
    this.#write(`session/${id}`, { statement: 'saveSession', values });
  }

  deleteSession(id: string): void {
    this.#write(`session/${id}`, { statement: 'deleteSession', values: [id] });
  }

  saveSettings(broadcast: string, settings: BroadcastSettings): void {
    const { title, listed, chat, slowModeSeconds } = settings;
    const write: Write = isDefaultSettings(settings)
      ? { statement: 'deleteSettings', values: [broadcast] }
      : { statement: 'saveSettings', values: [broadcast, title, listed ? 1 : 0, chat, slowModeSeconds] };
    this.#write(`settings/${broadcast}`, write);
  }

  saveStateMessage(broadcast: string, message: DataMessage): void {
    const values = [broadcast, message.label, message.binary ? 1 : 0, message.payload];
    this.#write(`message/${broadcast}/${message.label}`, { statement: 'saveStateMessage', values });
  }

  deleteStateMessages(broadcast: string): void {
    this.#write(`messages/${broadcast}`, { statement: 'deleteStateMessages', values: [broadcast] });
  }

  saveChatMessage(broadcast: string, { id, viewer, name, role, text, atMs }: ChatMessage): void {
    const values = [broadcast, id, viewer, name, role, text, atMs];
    this.#write(`chat/${broadcast}/${id}`, { statement: 'saveChatMessage', values });
  }

  deleteChatMessage(broadcast: string, id: string): void {
    this.#write(`chat/${broadcast}/${id}`, { statement: 'deleteChatMessage', values: [broadcast, id] });
  }

  deleteChat(broadcast: string): void {
    this.#write(`chats/${broadcast}`, { statement: 'deleteChat', values: [broadcast] });
  }

  /** Writes what has been gathered, now; or a second later when another process has the file. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writes.size === 0 || this.#closed) return;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const { statement, values } of this.#writes.values()) this.#prepared(SQL[statement]).run(...values);
      this.#database.exec('COMMIT');
      this.#writes.clear();
    } catch (error) {
      this.#rollBack();
      if (isBusy(error)) this.#flushIn(RETRY_MS);
      else this.#writes.clear();
      this.#onError(error);
    }
  }

  /** Writes the rest. Idempotent; later writes are ignored. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    try {
      this.#database.close();
    } catch (error) {
      this.#onError(error);
    }
  }

  #write(row: string, write: Write): void {
    if (this.#closed) return;
    // Last in order, too: a message that is saved again after a deletion has to come after it.
    this.#writes.delete(row);
    this.#writes.set(row, write);
    this.#flushIn(GATHER_MS);
  }

  #flushIn(ms: number): void {
    this.#timer ??= setTimeout(() => this.flush(), ms).unref();
  }

  #rollBack(): void {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch (error) {
      this.#onError(error);
    }
  }

  #prepared(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #unusable(cause: unknown): Error {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const advice = 'DATA_DIR has to be a directory that Fanlight can write to; move the file away to start afresh.';
    return new Error(`The store ${this.#path} cannot be used: ${reason}. ${advice}`, { cause });
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    // NORMAL: a power cut may lose the last moments, never the file.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync): void {
  // A transaction also when there is nothing to migrate: it fails now, not later, when the file is read-only.
  database.exec('BEGIN IMMEDIATE');
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (version > MIGRATIONS.length) {
    throw new Error(`it was written by a newer Fanlight (schema ${version}, known up to ${MIGRATIONS.length})`);
  }
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  database.exec('COMMIT');
}

// The conversation with one WebSocket client: hello first, then its messages, each allowed or refused.
// It must not know other clients; it tells its host what it wants to hear about.

import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { ChatAuthor } from '../broadcast/people/people-service.ts';
import { parseDisplayName } from '../broadcast/people/words.ts';
import type { BroadcastService } from '../broadcast/service.ts';
import { TokenBucket } from '../broadcast/token-bucket.ts';
import { FanlightError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Access } from './access.ts';
import { type Greeted, greet, type Interests, NOTHING } from './greeting.ts';
import type { IceServer } from './ice-servers.ts';
import {
  type ClientMessage,
  dataFrame,
  type Hello,
  isOfChat,
  parseClientMessage,
  serverMessage,
  toDataMessage,
  toSettings,
} from './messages.ts';
import { Outbox, type OutboxLimits } from './outbox.ts';
import { type Topic, topicNow } from './people-messages.ts';

export interface ConnectionLimits extends OutboxLimits {
  readonly helloTimeoutMs: number;
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** Each may bring a whole welcome. */
  readonly hellosPerSecond: number;
  readonly helloBurst: number;
}

/** What a connection needs from the server around it. */
export interface ConnectionContext {
  readonly service: BroadcastService;
  readonly access: Access;
  readonly iceServers: () => readonly IceServer[];
  readonly logger: Logger;
  readonly limits: ConnectionLimits;
  /** Unix ms. */
  readonly now: () => number;
  readonly onFirstPicture: (sessionId: string, ms: number) => void;
  /** Called when the connection's interests change. */
  readonly subscribe: (connection: WebSocketConnection, interests: Interests) => void;
}

/** Close codes (RFC 6455 §7.4.1 and the IANA registry). */
export const CLOSE = { policy: 1008, restart: 1012 } as const;

/** A client that was refused for these does not get further guesses on this socket. */
const FATAL_CODES: ReadonlySet<string> = new Set(['missing_key', 'wrong_key', 'wrong_resume_token']);

export class WebSocketConnection {
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #transport: Socket;
  readonly #context: ConnectionContext;
  readonly #outbox: Outbox;
  readonly #bucket: TokenBucket;
  readonly #hellos: TokenBucket;
  readonly #helloTimer: NodeJS.Timeout;
  /** Broadcasts whose remembered messages were sent: they are large, and what comes after them is sent as it comes. */
  readonly #remembered = new Set<string>();
  #greeted: Greeted | undefined;
  /** Another socket has said hello for its session since it did. */
  #isSucceeded = false;
  #isAlive = true;
  #flushedBytes = 0;

  /** `transport` is the TCP or TLS socket under the WebSocket. */
  constructor(socket: WebSocket, transport: Socket, context: ConnectionContext) {
    const { limits } = context;
    this.#socket = socket;
    this.#transport = transport;
    this.#context = context;
    this.#outbox = new Outbox(socket, limits);
    this.#bucket = new TokenBucket(limits.messagesPerSecond, limits.messageBurst);
    this.#hellos = new TokenBucket(limits.hellosPerSecond, limits.helloBurst);
    this.#helloTimer = setTimeout(() => this.close(CLOSE.policy, 'no hello'), limits.helloTimeoutMs);
    const onDrain = () => this.#outbox.drained();
    transport.on('drain', onDrain);
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('pong', () => {
      this.#isAlive = true;
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        clearTimeout(this.#helloTimer);
        transport.off('drain', onDrain);
        resolve();
      });
    });
  }

  send(message: string | Buffer): void {
    this.#outbox.send(message);
  }

  sendData(label: string, frame: Buffer): void {
    this.#outbox.sendData(label, frame);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** Its session is over: what it could read because of that alone is none of its business any more. */
  sessionEnded(): void {
    if (!this.#greeted?.readsBySession) return;
    this.#greeted = { ...this.#greeted, ...NOTHING };
    this.#context.subscribe(this, this.#greeted);
  }

  /** Another socket has said hello for its session: a page that was reloaded, or one whose socket was lost. */
  succeeded(): void {
    this.#isSucceeded = true;
  }

  /** Ends a connection that is dead, and asks a living one for a sign of life. To be called every now and then. */
  checkAlive(): void {
    const isProgress = this.#isReadingSlowly();
    if (!this.#isAlive && !isProgress) {
      this.#socket.terminate();
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }

  /** A pong may be stuck behind data that a slow reader still takes: progress counts as life then. */
  #isReadingSlowly(): boolean {
    const flushedBytes = this.#transport.bytesWritten - this.#transport.writableLength;
    const isProgress = this.#socket.bufferedAmount > 0 && flushedBytes > this.#flushedBytes;
    this.#flushedBytes = flushedBytes;
    return isProgress;
  }

  #receive(data: RawData, isBinary: boolean): void {
    // Frames that were on their way when we closed.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (!this.#bucket.take(this.#context.now())) {
      this.send(serverMessage.error(new FanlightError('too_many_requests', 'Messages come too fast.')));
      this.close(CLOSE.policy, 'flood');
      return;
    }
    try {
      if (isBinary) throw new FanlightError('malformed_json', 'Messages are text.');
      this.#handle(parseClientMessage(data.toString()));
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    const isTheirs = error instanceof FanlightError;
    if (!isTheirs) this.#context.logger.error({ err: error }, 'a WebSocket message could not be handled');
    const told = isTheirs ? error : new FanlightError('internal');
    this.send(serverMessage.error(told));
    if (FATAL_CODES.has(told.code)) this.close(CLOSE.policy, told.code);
  }

  #handle(message: ClientMessage): void {
    if (message.type === 'hello') {
      this.#hello(message);
      return;
    }
    const greeted = this.#greeted;
    if (!greeted) throw new FanlightError('malformed_request', 'Say hello first.');
    const { service } = this.#context;
    switch (message.type) {
      case 'data':
        this.#requirePublisher(greeted);
        service.publishData(greeted.broadcast, toDataMessage(message));
        break;
      case 'settings':
        this.#requirePublisher(greeted);
        if (isOfChat(message)) this.#requireVoice(greeted);
        service.updateSettings(greeted.broadcast, toSettings(message));
        break;
      case 'name':
        this.#rename(greeted, message.name);
        break;
      case 'chat':
        service.chat.post(greeted.broadcast, this.#authorOf(greeted), message.text);
        break;
      case 'chat-delete':
        this.#requireVoice(greeted);
        service.chat.remove(greeted.broadcast, message.id);
        break;
      case 'chat-mute':
        this.#requireVoice(greeted);
        service.chat.mute(greeted.broadcast, { ...message, reason: message.reason ?? '' });
        break;
      case 'leaving':
        this.#leave(greeted);
        break;
      case 'first-picture':
        this.#firstPicture(greeted, message.ms);
        break;
      case 'ping':
        this.send(serverMessage.pong(message.id));
    }
  }

  #hello(hello: Hello): void {
    const { service, iceServers, now } = this.#context;
    if (!this.#hellos.take(now())) throw new FanlightError('too_many_requests', 'Hello comes too often.');
    const greeted = greet(hello, this.#context);
    clearTimeout(this.#helloTimer);
    const { sessionId, topics } = greeted;
    if (sessionId !== undefined && hello.name !== undefined) service.people.rename(sessionId, greeted.name);
    const session = sessionId === undefined ? undefined : service.session(sessionId);
    const broadcast = service.describe(greeted.broadcast);
    const before = this.#greeted;
    this.#greeted = greeted;
    this.#isSucceeded = false;
    this.#context.subscribe(this, greeted);
    this.send(serverMessage.welcome({ broadcast, session, iceServers: iceServers(), nowMs: now() }));
    if (greeted.data) this.#sendRemembered(broadcast.name);
    // What the socket heard about all the time needs no telling again.
    const isHeard = (topic: Topic) => before?.broadcast === broadcast.name && before.topics.includes(topic);
    for (const topic of topics) if (!isHeard(topic)) this.send(topicNow(topic, broadcast.name, service));
  }

  /** On a bad network the farewell of a page may come when the next page of the session is connected already. */
  #leave({ sessionId }: Greeted): void {
    if (sessionId !== undefined && !this.#isSucceeded) this.#context.service.leave(sessionId);
  }

  #rename(greeted: Greeted, name: string): void {
    if (greeted.sessionId !== undefined) this.#context.service.people.rename(greeted.sessionId, name);
    else this.#greeted = { ...greeted, name: parseDisplayName(name) };
  }

  #sendRemembered(broadcast: string): void {
    const messages = this.#context.service.stateMessages(broadcast);
    if (messages.length === 0 || this.#remembered.has(broadcast)) return;
    this.#remembered.add(broadcast);
    for (const message of messages) this.sendData(message.label, dataFrame(message));
  }

  /** Once for each session: what comes again is not counted. */
  #firstPicture({ role, sessionId }: Greeted, ms: number): void {
    if (role !== 'viewer' || sessionId === undefined) {
      throw new FanlightError('malformed_request', 'Say hello with the session of a viewer first.');
    }
    this.#context.onFirstPicture(sessionId, ms);
  }

  #requirePublisher({ role, bySession, sessionId }: Greeted): void {
    if (role === 'viewer') throw new FanlightError('malformed_request', 'Say hello as publisher or program first.');
    if (!bySession || sessionId === undefined) return;
    const state = this.#context.service.session(sessionId)?.state;
    if (state === undefined || state === 'ended') throw new FanlightError('unknown_session');
  }

  /** Where anybody may publish, nobody moderates what somebody else publishes. */
  #requireVoice(greeted: Greeted): void {
    this.#requirePublisher(greeted);
    if (!this.#hasVoice(greeted)) throw new FanlightError('already_live');
  }

  #hasVoice({ broadcast, claim }: Greeted): boolean {
    return this.#context.service.speaksForPublisher(broadcast, claim);
  }

  /** Errors: unknown_session. */
  #authorOf(greeted: Greeted): ChatAuthor {
    const { sessionId, role, name } = greeted;
    if (sessionId !== undefined) return { sessionId };
    if (role === 'viewer') throw new FanlightError('unknown_session', 'Say hello with a session first.');
    return { role: this.#hasVoice(greeted) ? role : 'program', name };
  }
}

// The WebSocket messages of docs/protocol.md: one schema for what clients send, one shape for each that the server sends.
// It must not know sockets or who is allowed to send what.

import { z } from 'zod';
import { type BroadcastSettings, CHAT_RIGHTS, type DataMessage } from '../broadcast/ports.ts';
import type { BroadcastView, ReconnectReason, SessionView } from '../broadcast/service.ts';
import { ERRORS, FanlightError } from '../errors.ts';
import { codecLabel } from '../rtp/codec.ts';
import { isoTime, once } from './frames.ts';
import type { IceServer } from './ice-servers.ts';
import { helloOfPeople, muteJson, peopleMessages } from './people-messages.ts';

const MAX_KEY_CHARACTERS = 1024;
const MAX_PICTURE_MS = 60_000;
const MAX_SLOW_MODE_SECONDS = 300;

const hello = z.object({
  type: z.literal('hello'),
  role: z.enum(['publisher', 'viewer', 'program']),
  broadcast: z.string(),
  key: z.string().max(MAX_KEY_CHARACTERS).optional(),
  resume: z.string().optional(),
  data: z.boolean().optional(),
  ...helloOfPeople,
});

const data = z
  .object({ type: z.literal('data'), label: z.string(), text: z.string().optional(), base64: z.base64().optional() })
  .refine(({ text, base64 }) => (text === undefined) !== (base64 === undefined), 'either text or base64 is needed');

export const settingsChange = z.object({
  title: z.string().optional(),
  listed: z.boolean().optional(),
  chat: z.enum(CHAT_RIGHTS).optional(),
  slowModeSeconds: z.int().min(0).max(MAX_SLOW_MODE_SECONDS).optional(),
});

const clientMessage = z.discriminatedUnion('type', [
  hello,
  data,
  settingsChange.extend({ type: z.literal('settings') }),
  ...peopleMessages,
  z.object({ type: z.literal('leaving') }),
  z.object({ type: z.literal('first-picture'), ms: z.number().min(0).max(MAX_PICTURE_MS) }),
  z.object({ type: z.literal('ping'), id: z.union([z.string().max(64), z.number()]).optional() }),
]);

export type ClientMessage = z.output<typeof clientMessage>;
export type Hello = z.output<typeof hello>;

/** Reads one message. Unknown fields are ignored. Errors: malformed_json, malformed_request. */
export function parseClientMessage(text: string): ClientMessage {
  return parseWith(clientMessage, parseJson(text));
}

/** Errors: malformed_json. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FanlightError('malformed_json');
  }
}

/** Errors: malformed_request, naming the first fields that are wrong. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join('.') || 'message'}: ${message}`);
  throw new FanlightError('malformed_request', problems.join('; '));
}

export function toDataMessage({ label, text, base64 }: z.output<typeof data>): DataMessage {
  return base64 === undefined
    ? { label, binary: false, payload: Buffer.from(text ?? '') }
    : { label, binary: true, payload: Buffer.from(base64, 'base64') };
}

/** Only what was said: an absent field changes nothing. */
export function toSettings(change: z.output<typeof settingsChange>): Partial<BroadcastSettings> {
  const { title, listed, chat, slowModeSeconds } = change;
  return {
    ...(title === undefined ? {} : { title }),
    ...(listed === undefined ? {} : { listed }),
    ...(chat === undefined ? {} : { chat }),
    ...(slowModeSeconds === undefined ? {} : { slowModeSeconds }),
  };
}

/** A change of who may write, and how often. */
export function isOfChat({ chat, slowModeSeconds }: z.output<typeof settingsChange>): boolean {
  return chat !== undefined || slowModeSeconds !== undefined;
}

/** A broadcast as programs and pages see it. */
export function broadcastJson(view: BroadcastView): object {
  return {
    name: view.name,
    state: view.state,
    since: isoTime(view.sinceMs),
    reason: view.reason ?? null,
    viewers: view.viewers,
    tracks: view.tracks.map(({ kind, codec, layers }) => ({ kind, codec: codecLabel(codec), layers })),
    title: view.title,
    listed: view.listed,
    chat: view.chat,
    slowModeSeconds: view.slowModeSeconds,
    graceEndsAt: view.graceEndsAtMs === undefined ? null : isoTime(view.graceEndsAtMs),
    free: view.free,
  };
}

function sessionJson({ id, role, state, endReason, unsupportedCodec, alias, name, mute }: SessionView): object {
  return {
    id,
    role,
    state,
    endReason: endReason ?? null,
    unsupportedCodec: unsupportedCodec ?? null,
    viewer: alias,
    name: name || null,
    muted: muteJson(mute),
  };
}

/** `text` or `base64` beside the label. */
function dataJson({ label, binary, payload }: DataMessage): object {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return binary ? { label, base64: bytes.toString('base64') } : { label, text: bytes.toString('utf8') };
}

export const serverMessage = {
  welcome: (about: {
    readonly broadcast: BroadcastView;
    readonly session: SessionView | undefined;
    readonly iceServers: readonly IceServer[];
    readonly nowMs: number;
  }) =>
    JSON.stringify({
      type: 'welcome',
      broadcast: broadcastJson(about.broadcast),
      session: about.session ? sessionJson(about.session) : null,
      iceServers: about.iceServers,
      resumed: about.session !== undefined,
      serverTime: isoTime(about.nowMs),
    }),
  broadcast: (view: BroadcastView) => JSON.stringify({ type: 'broadcast', ...broadcastJson(view) }),
  session: (view: SessionView) => JSON.stringify({ type: 'session', ...sessionJson(view) }),
  data: (message: DataMessage) => JSON.stringify({ type: 'data', ...dataJson(message) }),
  lost: (label: string, messages: number) => JSON.stringify({ type: 'lost', label, messages }),
  reconnect: (reason: ReconnectReason, afterMs: number) => JSON.stringify({ type: 'reconnect', reason, afterMs }),
  error: ({ code, detail, retryAfterSeconds }: FanlightError) =>
    JSON.stringify({ type: 'error', code, title: ERRORS[code].title, detail, retryAfterSeconds }),
  pong: (id: string | number | undefined) => JSON.stringify({ type: 'pong', id }),
};

/** Made once, however many clients read them: what the domain remembers keeps its identity until it changes. */
const frames = new WeakMap<DataMessage, Buffer>();
const documents = new WeakMap<readonly DataMessage[], Buffer>();

/** `serverMessage.data` as bytes. */
export function dataFrame(message: DataMessage): Buffer {
  return once(frames, message, () => serverMessage.data(message));
}

/** Remembered messages as HTTP answers them: `{ "messages": [ … ] }`. */
export function stateDocument(messages: readonly DataMessage[]): Buffer {
  return once(documents, messages, () => JSON.stringify({ messages: messages.map(dataJson) }));
}

// The WebSocket messages about people and layers, for sockets that ask for them: presence, chat, mutes, layers.
// It must not know sockets or who is allowed to send what.

import { z } from 'zod';
import type { MutedPerson, PresenceView } from '../broadcast/people/people-service.ts';
import type { ChatMessage, LayerView, Mute } from '../broadcast/ports.ts';
import type { BroadcastEvent, BroadcastService } from '../broadcast/service.ts';
import { isoTime, once } from './frames.ts';

const MAX_MUTE_SECONDS = 24 * 60 * 60;
/** Ids and aliases of ours are shorter. */
const MAX_ID_CHARACTERS = 32;

const id = z.string().min(1).max(MAX_ID_CHARACTERS);

/** Fields of `hello`. What may stand in a name is the domain's business. */
export const helloOfPeople = {
  name: z.string().optional(),
  presence: z.boolean().optional(),
  chat: z.boolean().optional(),
  layers: z.boolean().optional(),
};

export const peopleMessages = [
  z.object({ type: z.literal('name'), name: z.string() }),
  z.object({ type: z.literal('chat'), text: z.string() }),
  z.object({ type: z.literal('chat-delete'), id }),
  z.object({
    type: z.literal('chat-mute'),
    viewer: id,
    seconds: z.int().min(0).max(MAX_MUTE_SECONDS),
    reason: z.string().optional(),
  }),
] as const;

/** What a socket may ask to hear about a broadcast besides the broadcast itself. `mutes`: publisher's rights. */
export type Topic = 'presence' | 'chat' | 'mutes' | 'layers';

const views = new WeakMap<PresenceView, Buffer>();
const histories = new WeakMap<readonly ChatMessage[], Buffer>();

/** How a topic stands now: what a socket gets that begins to hear about it. */
export function topicNow(topic: Topic, broadcast: string, service: BroadcastService): Buffer | string {
  switch (topic) {
    case 'presence': {
      const view = service.people.present(broadcast);
      return once(views, view, () => JSON.stringify({ type: 'presence', ...view }));
    }
    case 'chat': {
      const history = service.chat.history(broadcast);
      return once(histories, history, () => JSON.stringify({ type: 'chat-history', messages: history.map(chatJson) }));
    }
    case 'mutes':
      return mutesMessage(service.chat.mutes(broadcast));
    case 'layers':
      return layersMessage(service.layers(broadcast));
  }
}

/** The topic that an event belongs to, and how it is told; undefined for an event of another kind. */
export function topicOf(
  event: BroadcastEvent,
  service: BroadcastService,
): { readonly topic: Topic; readonly broadcast: string; readonly message: () => string } | undefined {
  switch (event.type) {
    case 'presence':
      return { ...event, topic: 'presence', message: () => JSON.stringify({ type: 'presence', ...event.change }) };
    case 'chat':
      return { ...event, topic: 'chat', message: () => JSON.stringify({ type: 'chat', ...chatJson(event.message) }) };
    case 'chat-deleted':
      return { ...event, topic: 'chat', message: () => JSON.stringify({ type: 'chat-deleted', ids: event.ids }) };
    case 'mutes':
      return { ...event, topic: 'mutes', message: () => mutesMessage(service.chat.mutes(event.broadcast)) };
    case 'layers':
      return { ...event, topic: 'layers', message: () => layersMessage(event.layers) };
    default:
      return undefined;
  }
}

export function muteJson(mute: Mute | undefined): object | null {
  return mute ? { until: isoTime(mute.untilMs), reason: mute.reason } : null;
}

function chatJson({ id, viewer, name, role, text, atMs }: ChatMessage): object {
  return { id, viewer, name: name || null, role, text, at: isoTime(atMs) };
}

function mutesMessage(mutes: readonly MutedPerson[]): string {
  const json = mutes.map(({ viewer, name, ...mute }) => ({ viewer, name: name || null, ...muteJson(mute) }));
  return JSON.stringify({ type: 'chat-mutes', mutes: json });
}

function layersMessage(layers: readonly LayerView[]): string {
  return JSON.stringify({ type: 'layers', layers });
}

// Every limit of the domain, by name, with its default. It must not know where a limit is enforced.

import { MAX_DATA_MESSAGE_BYTES } from './ports.ts';

export interface Limits {
  /** From the answer to the first authentic connection. */
  readonly setupMs: number;
  /** How long an absent publisher keeps its broadcast. */
  readonly publisherGraceMs: number;
  /** A publisher of which nothing is heard keeps its name for so long against strangers: a short silence is no farewell. */
  readonly silentPublisherMs: number;
  /** How long an absent viewer keeps its session. */
  readonly viewerGraceMs: number;
  readonly viewersPerBroadcast: number;
  /** Names that somebody publishes; as many more may have only viewers, settings or messages. */
  readonly broadcasts: number;
  readonly messageBytes: number;
  /** Data messages of one broadcast, whoever sends them. */
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** Labels without memory of one broadcast. */
  readonly labels: number;
  /** `state` and `state/…` labels of one broadcast, counted apart from `labels`. */
  readonly stateLabels: number;
  /** Payload bytes of all remembered messages of one broadcast. */
  readonly stateBytes: number;
  /** A flood of refused messages is not answered by a flood of refusals. */
  readonly refusalsPerSecond: number;
  /** How long a broadcast that nobody publishes or views remembers its state messages. */
  readonly idleStateMs: number;
  /** How long it keeps its settings, unless its place is needed before. */
  readonly idleSettingsMs: number;
  /** Changes of settings of one broadcast, mutes, and chat messages that are taken away. */
  readonly noticesPerSecond: number;
  readonly noticeBurst: number;
  /** Changes of the viewer count and the settings alone are told at most this often per broadcast. */
  readonly viewerCountQuietMs: number;
  /** They, and who is here, go to every client of a broadcast: with many of them each of both is told less often. */
  readonly newsDeliveriesPerSecond: number;
  /** Names of one session: everybody may be told each of them. */
  readonly namesPerSecond: number;
  readonly nameBurst: number;
  /** Chat messages of one broadcast that late joiners get, and the bytes of them. */
  readonly chatMessages: number;
  readonly chatBytes: number;
  /** One session writes once in so many seconds, after a burst. */
  readonly chatPerSessionSeconds: number;
  readonly chatBurstPerSession: number;
  /** All viewers of one broadcast together, while there are few of them. */
  readonly chatPerSecond: number;
  readonly chatBurst: number;
  /** Each message goes to every viewer: with many of them there are fewer messages, though never fewer than the least. */
  readonly chatDeliveriesPerSecond: number;
  readonly chatLeastPerSecond: number;
  /** People of one broadcast who are muted at once. */
  readonly mutes: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

export const DEFAULT_LIMITS: Limits = {
  setupMs: 15_000,
  publisherGraceMs: 60_000,
  silentPublisherMs: 7_000,
  viewerGraceMs: 30_000,
  viewersPerBroadcast: 5_000,
  broadcasts: 1_000,
  messageBytes: MAX_DATA_MESSAGE_BYTES,
  messagesPerSecond: 200,
  messageBurst: 400,
  labels: 32,
  stateLabels: 64,
  stateBytes: 1024 * 1024,
  refusalsPerSecond: 10,
  idleStateMs: DAY_MS,
  idleSettingsMs: 30 * DAY_MS,
  noticesPerSecond: 5,
  noticeBurst: 40,
  viewerCountQuietMs: 100,
  newsDeliveriesPerSecond: 20_000,
  namesPerSecond: 1,
  nameBurst: 3,
  chatMessages: 100,
  chatBytes: 64 * 1024,
  chatPerSessionSeconds: 2,
  chatBurstPerSession: 5,
  chatPerSecond: 20,
  chatBurst: 40,
  chatDeliveriesPerSecond: 20_000,
  chatLeastPerSecond: 0.5,
  mutes: 200,
};

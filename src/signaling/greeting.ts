// Who says hello, and what that one may: by the session whose token came along, by the key, or both.
// It must not know sockets or what is sent over them.

import { parseDisplayName } from '../broadcast/people/words.ts';
import type { Role } from '../broadcast/ports.ts';
import type { BroadcastService, PublisherClaim, SessionView } from '../broadcast/service.ts';
import { FanlightError } from '../errors.ts';
import type { Access, Right } from './access.ts';
import type { Hello } from './messages.ts';
import type { Topic } from './people-messages.ts';
import { parseResume } from './resume-token.ts';

/** What one connection wants to hear about. */
export interface Interests {
  readonly broadcast: string;
  readonly sessionId: string | undefined;
  readonly data: boolean;
  readonly topics: readonly Topic[];
}

export interface Greeted extends Interests {
  readonly role: Hello['role'];
  /** Of somebody without a session, whose name it would be. */
  readonly name: string;
  /** Publisher's rights come from a session: they end with it. */
  readonly bySession: boolean;
  /** It may read because of its session alone. */
  readonly readsBySession: boolean;
  /** By which it speaks for a publisher. */
  readonly claim: PublisherClaim;
}

const RIGHT_OF: Record<Hello['role'], Right> = { publisher: 'publish', viewer: 'view', program: 'publish' };
const SESSION_ROLE_OF: Record<Hello['role'], Role> = { publisher: 'publisher', viewer: 'viewer', program: 'publisher' };

/** Errors: invalid_name, invalid_display_name, malformed_request, wrong_resume_token, missing_key, wrong_key. */
export function greet(hello: Hello, { service, access }: { service: BroadcastService; access: Access }): Greeted {
  const { role } = hello;
  const broadcast = service.describe(hello.broadcast).name;
  const name = parseDisplayName(hello.name ?? '');
  const session = sessionOf(hello, service);
  // Whoever has a session's token had the right when it was opened; the key of then may have been taken back.
  const isTrusted = session !== undefined && access.allows(RIGHT_OF[role], service.keyHashOf(session.id));
  if (!isTrusted) access.authorizeKey(RIGHT_OF[role], hello.key);
  const keyHash = access.hashOf(hello.key);
  // Where anybody may publish, that gives nobody the right to read what is for viewers.
  const rightToRead = role === 'viewer' || access.isOpen('publish') ? 'view' : 'publish';
  const readsByKey = access.allows(rightToRead, keyHash);
  const mayRead = isTrusted || readsByKey;
  const wished = { data: hello.data === true, topics: topicsOf(hello) };
  // A publisher's page without a session says hello again when it has one.
  if (!mayRead && role === 'program' && isWish(wished)) access.authorizeKey(rightToRead, hello.key);
  const asAdmin = !access.isOpen('admin') && access.allows('admin', keyHash);
  return {
    ...(mayRead ? wished : NOTHING),
    broadcast,
    sessionId: session?.id,
    role,
    name,
    bySession: session !== undefined,
    readsBySession: isTrusted && !readsByKey,
    claim: { sessionId: session?.id, keyHash, asAdmin },
  };
}

type Wish = Pick<Interests, 'data' | 'topics'>;

export const NOTHING: Wish = { data: false, topics: [] };

function isWish({ data, topics }: Wish): boolean {
  return data || topics.length > 0;
}

/** The session that the hello resumes; undefined when the server does not know it here. Errors: wrong_resume_token. */
function sessionOf(hello: Hello, service: BroadcastService): SessionView | undefined {
  const claim = parseResume(hello.resume);
  const session = claim && service.session(claim.sessionId);
  if (!claim || !session || session.state === 'ended') return undefined;
  if (session.role !== SESSION_ROLE_OF[hello.role] || session.broadcast !== hello.broadcast) return undefined;
  if (!service.verifyResumeToken(claim.sessionId, claim.token)) throw new FanlightError('wrong_resume_token');
  return session;
}

function topicsOf({ role, presence, chat, layers }: Hello): readonly Topic[] {
  const topics: Topic[] = [];
  if (presence) topics.push('presence');
  if (chat) topics.push('chat');
  if (chat && role !== 'viewer') topics.push('mutes');
  if (layers) topics.push('layers');
  return topics;
}

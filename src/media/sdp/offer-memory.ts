// Offers of viewers, parsed once per kind of client: all viewers with one browser send the same text but for their
// credentials. It must not know what an offer is for.

import { type Fingerprint, type Offer, parseOffer } from './offer.ts';

/** Kinds of clients: browsers, their versions, with and without data. */
const MAX_TEMPLATES = 64;
/** A longer one is parsed each time, so that nobody fills the memory. Browsers send 3 to 10 kB. */
const MAX_TEMPLATE_CHARACTERS = 16 * 1024;

/** `o=` has a random number that nobody needs (RFC 8866 §5.2). */
const ORIGIN = /^o=\S+ \d+ \d+ IN IP[46] \S+$/;
const SAME_ORIGIN = 'o=- 0 0 IN IP4 0.0.0.0';
const CREDENTIAL = /^(a=(?:ice-ufrag:|ice-pwd:|fingerprint:\S+ ))(\S+)$/;
const CANDIDATE = /^a=(?:candidate:|end-of-candidates)/;
/** What stands in a template in place of a credential; no value of its own can be taken for it, since all values are replaced. */
const PLACE = '#';

export class OfferMemory {
  /** The one used longest ago first. */
  readonly #offers = new Map<string, Offer>();

  /** As `parseOffer`, whose result it shares among callers. @throws as `parseOffer` */
  parse(text: string): Offer {
    const { template, values } = templateOf(text);
    if (template.length > MAX_TEMPLATE_CHARACTERS) return parseOffer(text);
    const offer = this.#offers.get(template) ?? parseOffer(template);
    this.#offers.delete(template);
    this.#offers.set(template, offer);
    for (const oldest of this.#offers.keys()) {
      if (this.#offers.size <= MAX_TEMPLATES) break;
      this.#offers.delete(oldest);
    }
    return filled(offer, values);
  }

  get size(): number {
    return this.#offers.size;
  }
}

/** The text without what differs from client to client, and those values in the order of their numbers. */
function templateOf(text: string): { readonly template: string; readonly values: readonly string[] } {
  const numbers = new Map<string, number>();
  const lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('o=')) {
      lines.push(ORIGIN.test(line) ? SAME_ORIGIN : line);
      continue;
    }
    const credential = line.startsWith('a=') ? CREDENTIAL.exec(line) : null;
    if (!credential) {
      if (!CANDIDATE.test(line)) lines.push(line);
      continue;
    }
    const [, name = '', value = ''] = credential;
    // The same value has the same number: how often it stands there is part of the template, what it is is not.
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    lines.push(`${name}${PLACE}${number}`);
  }
  return { template: lines.join('\r\n'), values: [...numbers.keys()] };
}

function filled(offer: Offer, values: readonly string[]): Offer {
  const { usernameFragment, password } = offer.ice;
  return {
    ...offer,
    ice: { usernameFragment: valueAt(usernameFragment, values), password: valueAt(password, values) },
    fingerprints: offer.fingerprints.map(
      ({ algorithm, value }): Fingerprint => ({ algorithm, value: valueAt(value, values).toUpperCase() }),
    ),
  };
}

function valueAt(place: string, values: readonly string[]): string {
  const value = place.startsWith(PLACE) ? values[Number(place.slice(PLACE.length))] : undefined;
  // A copy: what was cut from the text would keep all of it in memory for as long as a transport lives.
  return value === undefined ? place : Buffer.from(value, 'latin1').toString('latin1');
}

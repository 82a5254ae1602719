// How a connection is doing, from getStats: numbers, a verdict and plain words. The summary is pure.

/**
 * @typedef {object} Quality
 * @property {number} bitrateKbps
 * @property {number | null} rttMs
 * @property {number} lossPercent
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {string} codec for example `VP8, opus`
 * @property {'bandwidth' | 'cpu' | null} limitedBy publisher: what holds the picture back
 * @property {'good' | 'fair' | 'poor'} verdict
 */

/**
 * @typedef {object} Sample counters of one moment, from which the next makes rates
 * @property {number} atMs
 * @property {number} bytes
 * @property {number} packets
 * @property {number} lost
 * @property {number | null} heldBackSinceMs by the network
 */

/** @typedef {Record<string, any> & { type: string }} Report one of getStats */

const FAIR = { lossPercent: 2, rttMs: 300 };
const POOR = { lossPercent: 8, rttMs: 800 };
/** Congestion control starts low and feels its way up: being held back counts after this long. */
const RAMP_UP_MS = 10_000;

/** Samples one connection; make another for another connection. */
export class ConnectionQuality {
  #connection;
  #side;
  /** @type {Sample | undefined} */
  #previous;

  /**
   * @param {RTCPeerConnection} connection
   * @param {'publisher' | 'viewer'} side
   */
  constructor(connection, side) {
    this.#connection = connection;
    this.#side = side;
  }

  /** @returns {Promise<Quality | undefined>} undefined the first time, since rates need two samples */
  async sample() {
    /** @type {Report[]} */
    const reports = [];
    (await this.#connection.getStats()).forEach((report) => {
      reports.push(report);
    });
    const { quality, sample } = summarise(reports, this.#side, this.#previous);
    this.#previous = sample;
    return quality;
  }
}

/**
 * @param {readonly Report[]} reports
 * @param {'publisher' | 'viewer'} side
 * @param {Sample} [previous]
 * @returns {{ quality: Quality | undefined, sample: Sample }}
 */
export function summarise(reports, side, previous) {
  const media = reports.filter(({ type }) => type === (side === 'viewer' ? 'inbound-rtp' : 'outbound-rtp'));
  const sample = takeSample(media, side, previous);
  if (!previous || sample.atMs <= previous.atMs) return { quality: undefined, sample };
  const video = media.find(({ kind }) => kind === 'video');
  const remote = reports.filter(({ type }) => type === 'remote-inbound-rtp');
  const numbers = {
    bitrateKbps: Math.max(0, Math.round(((sample.bytes - previous.bytes) * 8) / (sample.atMs - previous.atMs))),
    rttMs: roundTrip(reports, remote),
    lossPercent: side === 'viewer' ? lossSince(sample, previous) : reportedLoss(remote),
    width: video?.frameWidth ?? 0,
    height: video?.frameHeight ?? 0,
    fps: Math.round(video?.framesPerSecond ?? 0),
    codec: codecs(media, reports),
    limitedBy: limitation(video?.qualityLimitationReason),
  };
  const isNarrow = sample.heldBackSinceMs !== null && sample.atMs - sample.heldBackSinceMs >= RAMP_UP_MS;
  return { quality: { ...numbers, verdict: verdictOn(numbers, isNarrow) }, sample };
}

/**
 * @param {Quality} quality
 * @param {'publisher' | 'viewer'} side
 */
export function qualityWords(quality, side) {
  if (quality.verdict === 'good') return side === 'publisher' ? 'Your connection is good.' : 'The connection is good.';
  if (quality.lossPercent >= FAIR.lossPercent) return `The network loses packets (${quality.lossPercent} %).`;
  if ((quality.rttMs ?? 0) >= FAIR.rttMs) return `The way to the server is long (${quality.rttMs} ms).`;
  return 'The network is narrow: the picture is sent in lower quality.';
}

/**
 * @param {readonly Record<string, any>[]} media
 * @param {'publisher' | 'viewer'} side
 * @param {Sample} [previous]
 * @returns {Sample}
 */
function takeSample(media, side, previous) {
  const sum = (/** @type {string} */ field) => media.reduce((total, report) => total + (report[field] ?? 0), 0);
  const atMs = Math.max(0, ...media.map(({ timestamp }) => timestamp ?? 0));
  const isHeldBack = media.some(({ qualityLimitationReason }) => qualityLimitationReason === 'bandwidth');
  return {
    atMs,
    heldBackSinceMs: isHeldBack ? (previous?.heldBackSinceMs ?? atMs) : null,
    bytes: sum(side === 'viewer' ? 'bytesReceived' : 'bytesSent'),
    packets: sum(side === 'viewer' ? 'packetsReceived' : 'packetsSent'),
    lost: sum('packetsLost'),
  };
}

/**
 * @param {Sample} now
 * @param {Sample} before
 */
function lossSince(now, before) {
  const lost = Math.max(0, now.lost - before.lost);
  const received = Math.max(0, now.packets - before.packets);
  return lost + received === 0 ? 0 : tenths((100 * lost) / (lost + received));
}

/** @param {readonly Record<string, any>[]} remote */
function reportedLoss(remote) {
  return tenths(100 * Math.max(0, ...remote.map(({ fractionLost }) => fractionLost ?? 0)));
}

/**
 * @param {readonly Record<string, any>[]} reports
 * @param {readonly Record<string, any>[]} remote
 */
function roundTrip(reports, remote) {
  const pairs = reports.filter(({ type, nominated, state }) => {
    return type === 'candidate-pair' && nominated !== false && state === 'succeeded';
  });
  const seconds = [...pairs.map((pair) => pair.currentRoundTripTime), ...remote.map((report) => report.roundTripTime)];
  const known = seconds.find((value) => typeof value === 'number');
  return known === undefined ? null : Math.round(known * 1000);
}

/**
 * @param {readonly Record<string, any>[]} media
 * @param {readonly Record<string, any>[]} reports
 */
function codecs(media, reports) {
  const names = media.flatMap(({ codecId }) => {
    const mimeType = reports.find(({ id }) => id === codecId)?.mimeType;
    return typeof mimeType === 'string' ? [mimeType.replace(/^.*\//, '')] : [];
  });
  return [...new Set(names)].join(', ');
}

/**
 * @param {unknown} reason
 * @returns {'bandwidth' | 'cpu' | null}
 */
function limitation(reason) {
  return reason === 'bandwidth' || reason === 'cpu' ? reason : null;
}

/**
 * @param {Omit<Quality, 'verdict'>} numbers
 * @param {boolean} isNarrow
 * @returns {'good' | 'fair' | 'poor'}
 */
function verdictOn({ lossPercent, rttMs }, isNarrow) {
  if (lossPercent >= POOR.lossPercent || (rttMs ?? 0) >= POOR.rttMs) return 'poor';
  if (lossPercent >= FAIR.lossPercent || (rttMs ?? 0) >= FAIR.rttMs || isNarrow) return 'fair';
  return 'good';
}

/** @param {number} value */
function tenths(value) {
  return Math.round(value * 10) / 10;
}

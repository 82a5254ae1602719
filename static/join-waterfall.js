// The phases of one join as rows of a waterfall: what each is called, when it began, how long it took, where its bar lies.
// Pure. It must not know how the marks were taken, or the page's elements.

/**
 * @typedef {object} JoinMarks moments in ms since the click; what was not seen (yet) is missing
 * @property {number} [asked] the offer leaves
 * @property {number} [answered]
 * @property {number} [serverMs] the server's share of the request, as it says; a duration
 * @property {number} [ice] a path is found
 * @property {number} [connected] DTLS is done: the transport is up
 * @property {number} [packet] the first packet of any kind is there
 * @property {number} [keyFrame] the first frame of the video is complete
 * @property {number} [picture] that frame is decoded and shown
 * @property {number} [socketAsked] the WebSocket connects
 * @property {number} [socketOpen] it was greeted
 */

/**
 * @typedef {object} WaterfallRow
 * @property {string} words
 * @property {string} note more words; may be empty
 * @property {number} startMs since the click
 * @property {number} ms how long it took
 * @property {number} offsetShare where its bar begins, 0 to 1 of the whole
 * @property {number} widthShare
 * @property {boolean} isBeside it went on beside the others, and holds nothing up
 */

/** Each phase goes from the mark before it, whichever that is, to its own. */
const PHASES = /** @type {const} */ ([
  ['asked', 'Loading the page', ''],
  ['answered', 'Asking the server', ''],
  ['ice', 'Finding a path', 'ICE'],
  ['connected', 'Agreeing on keys', 'DTLS'],
  ['packet', 'First packet', ''],
  ['keyFrame', 'First key frame', ''],
  ['picture', 'First picture', ''],
]);

/**
 * @param {JoinMarks} marks
 * @returns {WaterfallRow[]} in the order in which things happened; the WebSocket, which goes beside them, comes last
 */
export function waterfall(marks) {
  const totalMs = Math.max(1, ...PHASES.map(([mark]) => marks[mark] ?? 0));
  const rows = [];
  let reachedMs = 0;
  for (const [mark, words, note] of PHASES) {
    const seenMs = marks[mark];
    if (seenMs === undefined) continue;
    // Browsers tell some events a little late: nothing began before what came before it had ended.
    const endMs = Math.max(reachedMs, seenMs);
    rows.push(row(words, mark === 'answered' ? serverNote(marks.serverMs) : note, reachedMs, endMs, totalMs));
    reachedMs = endMs;
  }
  const { socketAsked, socketOpen } = marks;
  if (socketAsked !== undefined && socketOpen !== undefined) {
    rows.push({ ...row('WebSocket', 'meanwhile', socketAsked, socketOpen, totalMs), isBeside: true });
  }
  return rows;
}

/**
 * @param {JoinMarks} marks
 * @param {'came-early' | 'hidden' | 'resumed' | null} spoiledBy why the whole says nothing about joining
 */
export function waterfallWords(marks, spoiledBy) {
  if (spoiledBy === 'came-early') return 'You came before the broadcaster: only the connection was measured.';
  if (spoiledBy === 'hidden') return 'This page was in the background, where browsers show no pictures.';
  if (spoiledBy === 'resumed') return 'It took more than one try to connect.';
  return marks.picture === undefined ? 'No picture yet.' : `First picture after ${Math.round(marks.picture)} ms.`;
}

/** @param {number | undefined} serverMs */
function serverNote(serverMs) {
  return serverMs === undefined ? '' : `server: ${serverMs < 10 ? serverMs.toFixed(1) : Math.round(serverMs)} ms`;
}

/**
 * @param {string} words
 * @param {string} note
 * @param {number} startMs
 * @param {number} endMs
 * @param {number} totalMs
 * @returns {WaterfallRow}
 */
function row(words, note, startMs, endMs, totalMs) {
  const offsetShare = Math.min(1, startMs / totalMs);
  const widthShare = Math.min(1, endMs / totalMs) - offsetShare;
  return { words, note, startMs, ms: endMs - startMs, offsetShare, widthShare, isBeside: false };
}

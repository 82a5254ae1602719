// ICE restart as text: the SDP fragment that goes into a PATCH (RFC 8840 §9), and the answer's fragment put into the
// remote description. Pure.

/**
 * The fragment for an ICE restart: new ufrag and pwd, and the first m= section, to which the bundle belongs.
 * @param {string} offer the local description after `createOffer({ iceRestart: true })`
 */
export function restartFragment(offer) {
  const lines = offer.split(/\r?\n/);
  const find = (/** @type {string} */ prefix) => lines.find((line) => line.startsWith(prefix));
  const fragment = [
    find('a=group:BUNDLE'),
    find('a=ice-ufrag:'),
    find('a=ice-pwd:'),
    find('m='),
    find('a=mid:'),
    'a=end-of-candidates',
  ].filter((line) => line !== undefined);
  return `${fragment.join('\r\n')}\r\n`;
}

/**
 * The remote description with the credentials and candidates of the server's fragment in place of its old ones.
 * @param {string} remoteDescription the answer in force
 * @param {string} fragment body of the answer to the PATCH
 * @throws {Error} the fragment has no ufrag or pwd
 */
export function applyFragment(remoteDescription, fragment) {
  const received = fragment.split(/\r?\n/);
  const ufrag = received.find((line) => line.startsWith('a=ice-ufrag:'));
  const pwd = received.find((line) => line.startsWith('a=ice-pwd:'));
  if (!ufrag || !pwd) throw new Error('The answer to the ICE restart has no credentials.');
  const candidates = received.filter((line) => line.startsWith('a=candidate:'));
  const old = remoteDescription.split(/\r?\n/).filter((line) => line !== '' && !isCandidateLine(line));
  const lines = old.flatMap((line) => {
    if (line.startsWith('a=ice-ufrag:')) return [ufrag];
    if (line.startsWith('a=ice-pwd:')) return [pwd, ...candidates];
    return [line];
  });
  return `${lines.join('\r\n')}\r\n`;
}

/** @param {string} line */
function isCandidateLine(line) {
  return line.startsWith('a=candidate:') || line === 'a=end-of-candidates';
}

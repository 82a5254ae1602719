// Reads the ICE servers from the `Link` header of a WHIP or WHEP answer (RFC 9725 §4.6). Pure.

const LINK = /<([^>]*)>((?:\s*;\s*[\w!#$&+.^`|~-]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^,;\s]*))?)*)/g;
const PARAMETER = /;\s*([\w!#$&+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,;\s]*))/g;

/**
 * @param {string | null} header all `Link` headers, joined with commas as `Headers.get` does
 * @returns {RTCIceServer[]}
 */
export function iceServersFromLink(header) {
  return [...(header ?? '').matchAll(LINK)].flatMap(([, url = '', parameters = '']) => {
    const values = readParameters(parameters);
    if (values.get('rel') !== 'ice-server' || !/^(stun|turn)s?:/i.test(url)) return [];
    const username = values.get('username');
    const credential = values.get('credential');
    return [username !== undefined && credential !== undefined ? { urls: url, username, credential } : { urls: url }];
  });
}

/** @param {string} parameters */
function readParameters(parameters) {
  return new Map(
    [...parameters.matchAll(PARAMETER)].map(([, name = '', quoted, bare = '']) => [
      name.toLowerCase(),
      quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1'),
    ]),
  );
}

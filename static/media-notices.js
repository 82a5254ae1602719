// Why there is no camera or microphone, in plain words, and what to do about it. Pure.

/** @import { MediaProblem } from './local-media.js' */

/** @typedef {{ title: string, text: string, action?: string, link?: { href: string, text: string } }} Notice */

/**
 * @param {MediaProblem} problem
 * @param {{ hasCamera: boolean, hasMicrophone: boolean }} has what works all the same
 * @returns {Notice}
 */
export function mediaNotice(problem, has) {
  const goOn = has.hasMicrophone
    ? 'You can go live with sound only, or share your screen.'
    : has.hasCamera
      ? 'You can go live without sound.'
      : 'You can share your screen instead.';
  switch (problem) {
    case 'denied':
      return {
        title: missing(has, 'is not allowed'),
        text: `Allow it in the browser’s address bar (the camera or lock sign), then try again. ${goOn}`,
        action: 'Try again',
      };
    case 'missing':
      return {
        title: missing(has, 'was not found'),
        text: `Plug one in, then try again. ${goOn}`,
        action: 'Try again',
      };
    case 'busy':
      return {
        title: missing(has, 'is in use'),
        text: `Another program or tab may be holding it. Close that one, then try again. ${goOn}`,
        action: 'Try again',
      };
    default:
      return { title: missing(has, 'could not be opened'), text: goOn, action: 'Try again' };
  }
}

/**
 * Of a device that somebody picked while others work.
 * @param {MediaProblem} problem
 * @param {'camera' | 'microphone'} what
 * @param {boolean} hasOld the one before goes on
 * @returns {Notice}
 */
export function pickedNotice(problem, what, hasOld) {
  const happened = {
    denied: 'is not allowed',
    missing: 'was not found',
    busy: 'is in use',
    unavailable: 'could not be opened',
    failed: 'could not be opened',
  };
  const why = problem === 'busy' ? 'Another program or tab may be holding it. ' : '';
  return {
    title: `That ${what} ${happened[problem]}`,
    text: `${why}${hasOld ? 'The one before goes on.' : `Choose another ${what}.`}`,
  };
}

/**
 * Browsers give cameras to secure pages only.
 * @param {string} host name without port
 * @param {number | null} httpsPort
 * @param {string} path
 * @param {string} [key] goes along: the secure page is another origin, which does not know it
 * @returns {Notice}
 */
export function insecureNotice(host, httpsPort, path, key) {
  const text =
    'Browsers give camera, microphone and screen only to pages that come over HTTPS (or from this same machine). ';
  if (httpsPort === null) {
    return {
      title: 'The camera needs a secure page',
      text: `${text}This server has no HTTPS address, so use OBS or another WHIP program with the address below.`,
    };
  }
  const hash = key ? `#key=${encodeURIComponent(key)}` : '';
  const port = httpsPort === 443 ? '' : `:${httpsPort}`;
  return {
    title: 'The camera needs a secure page',
    text: `${text}Follow the link. If the browser warns about the certificate, that is because the server made it itself: go on past the warning. OBS can use the address below without all this.`,
    link: { href: `https://${host}${port}${path}${hash}`, text: 'Open the secure page' },
  };
}

/**
 * @param {{ hasCamera: boolean, hasMicrophone: boolean }} has
 * @param {string} what happened
 */
function missing({ hasCamera, hasMicrophone }, what) {
  if (hasCamera) return `The microphone ${what}`;
  return hasMicrophone ? `The camera ${what}` : `Camera and microphone: access ${what}`;
}

// The icon set: line drawings on a 24 × 24 grid, made as SVG elements in the colour of the text.

const NAMESPACE = 'http://www.w3.org/2000/svg';

/** @type {Record<string, string[]>} name → paths */
const PATHS = {
  broadcast: [
    'M12 12m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0',
    'M7.8 16.2a6 6 0 0 1 0-8.4',
    'M16.2 7.8a6 6 0 0 1 0 8.4',
    'M4.9 19.1a10 10 0 0 1 0-14.2',
    'M19.1 4.9a10 10 0 0 1 0 14.2',
  ],
  watch: [
    'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z',
    'M12 12m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0',
  ],
  microphone: ['M9 6a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0z', 'M5.5 11a6.5 6.5 0 0 0 13 0', 'M12 17.5V21'],
  'microphone-off': [
    'M15 10.5V6a3 3 0 0 0-5.7-1.3',
    'M9 9v2a3 3 0 0 0 4.8 2.4',
    'M5.5 11a6.5 6.5 0 0 0 10.6 5',
    'M18.5 11a6.4 6.4 0 0 1-.6 2.7',
    'M12 17.5V21',
    'M4 3l16 18',
  ],
  camera: ['M3.5 7.5a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2z', 'M15.5 10.5l5-3v9l-5-3'],
  'camera-off': [
    'M9.5 5.5h4a2 2 0 0 1 2 2v4l5 4v-8l-4 2.4',
    'M15.3 17.3a2 2 0 0 1-1.8 1.2h-8a2 2 0 0 1-2-2v-9a2 2 0 0 1 1.3-1.9',
    'M4 3l16 18',
  ],
  screen: [
    'M3 6a1.5 1.5 0 0 1 1.5-1.5h15A1.5 1.5 0 0 1 21 6v9a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 15z',
    'M8 20h8',
    'M12 13.5v-6',
    'M9.5 10L12 7.5l2.5 2.5',
  ],
  stop: ['M7 7h10v10H7z'],
  copy: ['M8.5 8.5h11v11h-11z', 'M15.5 8.5v-4h-11v11h4'],
  sound: ['M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z', 'M15.5 9a4.2 4.2 0 0 1 0 6', 'M18 6.5a7.8 7.8 0 0 1 0 11'],
  muted: ['M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z', 'M16 9.5l5 5', 'M21 9.5l-5 5'],
  pip: [
    'M3 6.5A1.5 1.5 0 0 1 4.5 5h15A1.5 1.5 0 0 1 21 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5z',
    'M12.5 12h6v4.5h-6z',
  ],
  fullscreen: ['M4 9V4.5h5', 'M20 9V4.5h-5', 'M4 15v4.5h5', 'M20 15v4.5h-5'],
  'fullscreen-exit': ['M9 4.5V9H4', 'M15 4.5V9h5', 'M9 19.5V15H4', 'M15 19.5V15h5'],
};

/**
 * @param {string} name
 * @returns {SVGElement} empty when there is no such icon
 */
export function icon(name) {
  const svg = document.createElementNS(NAMESPACE, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  for (const data of PATHS[name] ?? []) {
    const path = document.createElementNS(NAMESPACE, 'path');
    path.setAttribute('d', data);
    svg.append(path);
  }
  return svg;
}

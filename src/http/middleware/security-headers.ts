// What browsers may do with our pages. It must not know which pages there are.

import type { RequestHandler } from 'express';
import helmet from 'helmet';

const PERMISSIONS = 'camera=(self), microphone=(self), display-capture=(self), fullscreen=(self)';

export function securityHeaders(): RequestHandler[] {
  return [
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          'default-src': ["'none'"],
          'script-src': ["'self'"],
          // In one, the publish page hears of the frames that it sends.
          'worker-src': ["'self'"],
          'style-src': ["'self'"],
          'img-src': ["'self'", 'data:', 'blob:'],
          'media-src': ["'self'", 'blob:', 'mediastream:'],
          // Includes our WebSocket: same host and port (CSP 3 §6.7.2.8).
          'connect-src': ["'self'"],
          'manifest-src': ["'self'"],
          'base-uri': ["'none'"],
          'form-action': ["'none'"],
          'frame-ancestors': ["'self'"],
        },
      },
      // Other sites' pages are WHIP and WHEP clients, and import our modules.
      crossOriginResourcePolicy: { policy: 'cross-origin' },
      // Means nothing on plain http, where browsers complain about it on every page; we open no windows.
      crossOriginOpenerPolicy: false,
      // HSTS would lock people out whose certificate is our self-signed one; a proxy with a real one sets it itself.
      strictTransportSecurity: false,
    }),
    (_request, response, next) => {
      response.setHeader('Permissions-Policy', PERMISSIONS);
      next();
    },
  ];
}

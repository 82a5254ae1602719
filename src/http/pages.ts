// The pages and what they load: files, served as they are. It must not know what is in them.

import { fileURLToPath } from 'node:url';
import express, { type Response, Router } from 'express';
import { FanlightError } from '../errors.ts';
import { cors } from './middleware/cors.ts';

export interface PagesOptions {
  /** Throws invalid_name for a name that no broadcast can have. */
  readonly checkName: (broadcast: string) => void;
  readonly templatesDir?: string;
  readonly staticDir?: string;
}

const TEMPLATES_DIR = fileURLToPath(new URL('../../templates', import.meta.url));
const STATIC_DIR = fileURLToPath(new URL('../../static', import.meta.url));
// Names do not change with content, so browsers ask each time; an unchanged file costs a 304.
const CACHE_CONTROL = 'no-cache';

export function createPages(options: PagesOptions): Router {
  const { checkName, templatesDir: root = TEMPLATES_DIR, staticDir = STATIC_DIR } = options;
  const router = Router();
  const send = (response: Response, file: string) => {
    response.setHeader('Cache-Control', CACHE_CONTROL);
    response.sendFile(file, { root, cacheControl: false, etag: true });
  };
  router.get('/', (_request, response) => send(response, 'home.html'));
  for (const page of ['publish', 'join']) {
    router.get([`/${page}`, `/${page}/:broadcast`], (request, response, next) => {
      const { broadcast } = request.params;
      try {
        if (typeof broadcast === 'string') checkName(broadcast);
      } catch (error) {
        if (error instanceof FanlightError && error.code === 'invalid_name') return next();
        throw error;
      }
      send(response, `${page}.html`);
    });
  }
  router.use(
    '/static',
    cors,
    express.static(staticDir, {
      index: false,
      redirect: false,
      cacheControl: false,
      setHeaders: (response) => response.setHeader('Cache-Control', CACHE_CONTROL),
    }),
  );
  // Whatever is left: a page for people, the problem document of the app for programs.
  router.use((request, response, next) => {
    if (request.method !== 'GET' || request.accepts(['json', 'html']) !== 'html') return next();
    response.status(404);
    send(response, 'not-found.html');
  });
  return router;
}

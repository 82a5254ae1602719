// Reads the body of a request as text, of one type and a bounded size. It must not know what is in it.

import express, { type Request, type Response } from 'express';
import { FanlightError } from '../errors.ts';

/** Error: unsupported_content_type. */
export function requireContentType(request: Request, expected: string): void {
  const [type = ''] = (request.get('content-type') ?? '').split(';');
  if (type.trim().toLowerCase() !== expected) {
    throw new FanlightError('unsupported_content_type', `Send ${expected}.`);
  }
}

/** Reads a body of any type as text, never more than the limit. Errors of the parser become problems in the app. */
export function textReader(limitBytes: number): (request: Request, response: Response) => Promise<string> {
  const parse = express.text({ type: () => true, limit: limitBytes, inflate: false });
  return (request, response) =>
    new Promise((resolve, reject) => {
      parse(request, response, (error?: unknown) => {
        if (error) reject(error);
        else resolve(typeof request.body === 'string' ? request.body : '');
      });
    });
}

// For tests and benchmarks: many viewers that come and go, a few at a time. It must not know what is measured meanwhile.

import type { DtlsCertificate } from '../media/transport/certificate.ts';
import { type Leave, SmallViewer } from './small-viewer.ts';

export interface JoinsOptions {
  /** WHEP. */
  readonly endpoint: string;
  readonly certificate: DtlsCertificate;
  readonly joins: number;
  /** How many are there at the same time. */
  readonly atOnce: number;
  /** How the n-th leaves. */
  readonly leaves: (join: number) => Leave;
}

/** Resolves with what went wrong with some of them, when all have come and gone. */
export async function joinAndLeave({ endpoint, certificate, joins, atOnce, leaves }: JoinsOptions): Promise<string[]> {
  const failures: string[] = [];
  let next = 0;
  const oneAfterAnother = async (): Promise<void> => {
    while (next < joins) {
      const join = next++;
      try {
        const viewer = await SmallViewer.join(endpoint, certificate);
        await viewer.leave(leaves(join));
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, oneAfterAnother));
  return failures;
}

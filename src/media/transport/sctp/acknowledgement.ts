// SACK as bytes (RFC 9260 §3.3.4). It must not know what was sent or has come.

const FIXED_BYTES = 12;
const BLOCK_BYTES = 4;

export interface GapBlock {
  /** First and last TSN of a run behind a gap, both included, as distances from the cumulative one. */
  readonly first: number;
  readonly last: number;
}

export interface Acknowledgement {
  /** All up to this one have come. */
  readonly cumulativeTsn: number;
  readonly windowBytes: number;
  /** Ascending, when the peer is honest. */
  readonly blocks: readonly GapBlock[];
}

const NO_BLOCKS: readonly GapBlock[] = [];

/** Undefined when it is cut. */
export function readAcknowledgement(body: Buffer): Acknowledgement | undefined {
  if (body.length < FIXED_BYTES) return undefined;
  const count = body.readUInt16BE(8);
  if (body.length < FIXED_BYTES + BLOCK_BYTES * count) return undefined;
  return { cumulativeTsn: body.readUInt32BE(0), windowBytes: body.readUInt32BE(4), blocks: readBlocks(body, count) };
}

function readBlocks(body: Buffer, count: number): readonly GapBlock[] {
  if (count === 0) return NO_BLOCKS;
  return Array.from({ length: count }, (_, index) => ({
    first: body.readUInt16BE(FIXED_BYTES + BLOCK_BYTES * index),
    last: body.readUInt16BE(FIXED_BYTES + BLOCK_BYTES * index + 2),
  }));
}

/** Duplicates are not listed: senders use them for statistics only. */
export function writeAcknowledgement({ cumulativeTsn, windowBytes, blocks }: Acknowledgement): Buffer {
  const body = Buffer.alloc(FIXED_BYTES + BLOCK_BYTES * blocks.length);
  body.writeUInt32BE(cumulativeTsn, 0);
  body.writeUInt32BE(windowBytes, 4);
  body.writeUInt16BE(blocks.length, 8);
  for (const [index, { first, last }] of blocks.entries()) {
    body.writeUInt16BE(first, FIXED_BYTES + BLOCK_BYTES * index);
    body.writeUInt16BE(last, FIXED_BYTES + BLOCK_BYTES * index + 2);
  }
  return body;
}

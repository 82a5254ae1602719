// Bytes of seeds, written as people read them. It must not know what they mean.

/** Hex with blanks anywhere. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
}

/** A text's bytes; characters above 255 are cut. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

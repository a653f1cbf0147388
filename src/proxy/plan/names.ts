import { createHash } from 'node:crypto';

/*
 * Names of chains end in a hash of what they are for, as upstream's do (proxier.go of each mode), so that those who know upstream's
 * rules find theirs.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first characters of the SHA-256 of the joined parts, in base32 (RFC 4648). */
export function nameHash(length: number, ...parts: readonly string[]): string {
  const digest = createHash('sha256').update(parts.join('')).digest();
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of digest) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5 && text.length < length) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
    }
    if (text.length === length) break;
    value &= (1 << bits) - 1;
  }
  return text;
}

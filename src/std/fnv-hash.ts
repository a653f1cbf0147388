/** FNV-1a of 32 bits over the text's UTF-8 bytes (http://www.isthe.com/chongo/tech/comp/fnv), as Go's hash/fnv has it. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

const NEWLINE = 0x0a;
/** Larger than any object can be; a server that never ends a line must not fill our memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Cuts chunks into lines without their end. Each byte is looked at once, however the chunks are cut. Empty lines are left out. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes = MAX_LINE_BYTES,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = joinLine(parts, chunk.subarray(start, end));
      start = end + 1;
      parts = [];
      size = 0;
      if (line) yield line;
    }
    if (start === chunk.length) continue;
    parts.push(start === 0 ? chunk : chunk.subarray(start));
    size += chunk.length - start;
    if (size > maxLineBytes) throw new RangeError(`a line of a watch is longer than ${maxLineBytes} bytes`);
  }
  // A line without an end was cut off: it cannot be a whole event.
}

function joinLine(parts: readonly Uint8Array[], last: Uint8Array): string {
  const bytes = parts.length === 0 ? Buffer.from(last.buffer, last.byteOffset, last.byteLength) : Buffer.concat([...parts, last]);
  return bytes.toString('utf8').trim();
}

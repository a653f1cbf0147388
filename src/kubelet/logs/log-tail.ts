import type { FileHandle } from 'node:fs/promises';

const LINE_END = 0x0a;
const BLOCK_BYTES = 64 << 10;
/** Enough for the time, the stream and the first tag of a line in CRI's format. */
const HEAD_BYTES = 80;
const PARTIAL = /^\S+ (?:stdout|stderr) P[ :]/;

/**
 * Where the last `count` lines of output begin in the first `sizeBytes` of a log file, read from its end. The parts of a line that
 * the runtime cut count as one; what follows the last line end counts as none.
 */
export async function tailStart(file: Pick<FileHandle, 'read'>, sizeBytes: number, count: number): Promise<number> {
  if (count === 0) return sizeBytes;
  const block = Buffer.alloc(BLOCK_BYTES + HEAD_BYTES);
  /** What follows the block in the file, so that a head may lie across. */
  let following: Buffer = Buffer.alloc(0);
  /** Where the line that is looked for ends; its beginning lies before. */
  let lineEnd: number | undefined;
  let lines = 0;
  /** The line with this head goes on the way back: true when it is one more than wanted. */
  const exceeds = (head: Buffer) => {
    // Only the last part of a line counts, or what there is of one whose last part has not come.
    if (lines === 0 || !PARTIAL.test(head.toString('latin1', 0, HEAD_BYTES))) lines++;
    return lines > count;
  };
  for (let right = sizeBytes; right > 0; ) {
    const left = Math.max(0, right - BLOCK_BYTES);
    const length = right - left;
    await readWhole(file, block, length, left);
    following.copy(block, length);
    const known = block.subarray(0, length + following.length);
    for (let at = known.lastIndexOf(LINE_END, length - 1); at !== -1; at = at === 0 ? -1 : known.lastIndexOf(LINE_END, at - 1)) {
      if (lineEnd !== undefined && exceeds(known.subarray(at + 1))) return lineEnd;
      lineEnd = left + at + 1;
    }
    following = Buffer.from(known.subarray(0, HEAD_BYTES));
    right = left;
  }
  return lineEnd !== undefined && exceeds(following) ? lineEnd : 0;
}

async function readWhole(file: Pick<FileHandle, 'read'>, into: Buffer, length: number, position: number): Promise<void> {
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(into, done, length - done, position + done);
    if (bytesRead === 0) throw new Error('the log file has become shorter while it was read');
    done += bytesRead;
  }
}

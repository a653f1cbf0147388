import { opendir } from 'node:fs/promises';

/** Of names that are read at a time. */
const AT_ONCE = 256;

/**
 * The names in a directory as bytes, some at a time: whoever owns it may have put millions there, which all at once are hundreds of megabytes.
 * Rejects as opendir(3) does, with ENOENT for one that is not there.
 */
export async function* directoryNames(path: string | Buffer): AsyncGenerator<Buffer, void, undefined> {
  const directory = await opendir(path, { encoding: 'buffer' as BufferEncoding, bufferSize: AT_ONCE });
  for await (const { name } of directory) yield name as unknown as Buffer;
}

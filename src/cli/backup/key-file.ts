import { readFile, stat } from 'node:fs/promises';
import { FlagError } from '../../std/flags.ts';
import { SHORTEST_KEY_BYTES } from './sealed-stream.ts';

/**
 * The key of `--key-file`: its bytes, or what they say in base64. Undefined without the flag.
 *
 * @throws FlagError for a file that cannot be read, that others may read, or that holds too little
 */
export async function readKeyFile(path: string): Promise<Buffer | undefined> {
  if (path === '') return undefined;
  const refused = (why: string) => new FlagError('--key-file', `--key-file: ${path} ${why}`);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
    if (((await stat(path)).mode & 0o077) !== 0) throw refused('may be read by others: make its mode 0600');
  } catch (error) {
    if (error instanceof FlagError) throw error;
    throw refused(`cannot be read: ${(error as Error).message}`);
  }
  const text = bytes.toString('utf8').trim();
  const key = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64') : bytes;
  if (key.length < SHORTEST_KEY_BYTES) throw refused(`holds ${key.length} bytes; a key has ${SHORTEST_KEY_BYTES} or more`);
  return key;
}

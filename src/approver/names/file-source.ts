import { readFile, stat } from 'node:fs/promises';
import { CodedError } from '../../std/coded-error.ts';
import type { NameSource } from './name-source.ts';
import { lookUp, type NameTable, readNameTable } from './name-table.ts';

const LARGEST_BYTES = 4 << 20;

/** An inventory in a file, YAML or JSON: `node-1: [node-1.example.com, 10.0.0.1]`. Read again when it has changed. */
export function createFileSource(path: string): NameSource {
  let known: { readonly stamp: string; readonly table: NameTable } | undefined;
  const read = async (): Promise<NameTable> => {
    const { mtimeMs, size, ino } = await stat(path);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    if (known?.stamp === stamp) return known.table;
    if (size > LARGEST_BYTES)
      throw new CodedError(`${path} is larger than ${LARGEST_BYTES} bytes`, { code: 'NAME_TABLE_INVALID' });
    const { parse } = await import('yaml'); // takes a while to load
    known = { stamp, table: readNameTable(parse(await readFile(path, 'utf8'), { maxAliasCount: 100, logLevel: 'error' })) };
    return known.table;
  };
  return {
    name: 'inventory',
    ask: async (nodeName, names) => lookUp(await read(), nodeName, names),
    expects: async (nodeName) => (await read()).nodes.has(nodeName),
  };
}

import { fstatSync, writeSync } from 'node:fs';
import { lossyWriter } from '../std/lossy-writer.ts';

/**
 * Writes to the process's standard error. Node's own stream for a file ends the process at the first error and writes nothing
 * after it; a pipe or a terminal keeps Node's stream, which waits for a slow reader.
 */
export function errorOutput(process: NodeJS.Process): (text: string) => void {
  const { fd, isTTY } = process.stderr;
  if (!isTTY && isFileOrDevice(fd)) return lossyWriter((bytes) => writeSync(fd, bytes));
  // The reader has gone: what is still said has nobody to hear it.
  process.stderr.on('error', () => {});
  return (text) => void process.stderr.write(text);
}

function isFileOrDevice(fd: number): boolean {
  const kind = fstatSync(fd);
  return kind.isFile() || kind.isCharacterDevice();
}

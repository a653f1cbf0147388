import type { WatchItem } from '../watch-cache/cached-event.ts';
import type { WatchStream } from './watch-stream.ts';

/** So many bytes are made between two turns for others, and for a receiver that may read none of them. */
const PART_BYTES = 64 * 1024;

/**
 * Sends what a watch begins with, which is more and more as long as that takes, no faster than it is read: thousands of watches of a large
 * collection that nobody reads would fill the memory with it, once for each. A short one is sent when this returns.
 */
export function sendBeginning(
  stream: Pick<WatchStream, 'ended' | 'room' | 'sendAll'>,
  items: readonly (WatchItem | Buffer)[],
  line: (item: WatchItem) => Buffer,
  done: () => void,
): Promise<void> | undefined {
  let next = 0;
  const sendSome = (): boolean => {
    const lines: Buffer[] = [];
    for (let bytes = 0; next < items.length && bytes < PART_BYTES; next++) {
      const item = items[next]!;
      const made = Buffer.isBuffer(item) ? item : line(item);
      bytes += made.length;
      lines.push(made);
    }
    stream.sendAll(lines);
    return next < items.length && !stream.ended;
  };
  const sendRest = async () => {
    do {
      await stream.room();
      await new Promise((resolve) => setImmediate(resolve));
    } while (!stream.ended && sendSome());
    done();
  };
  if (sendSome()) return sendRest();
  done();
  return undefined;
}

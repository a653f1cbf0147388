import { nextTurn } from '../../std/next-turn.ts';
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
  line: (item: WatchItem) => Buffer | Promise<Buffer>,
  done: () => void,
): Promise<void> | undefined {
  let next = 0;
  /** The line of a large object, which comes when it has been made, and in a turn of its own. */
  let awaited: Buffer | Promise<Buffer> | undefined;
  const sendSome = (begin: readonly Buffer[] = []): boolean => {
    const lines = [...begin];
    for (let bytes = 0; next < items.length && bytes < PART_BYTES && !awaited; next++) {
      const item = items[next]!;
      const made = Buffer.isBuffer(item) ? item : line(item);
      if (!Buffer.isBuffer(made) || made.length >= PART_BYTES) {
        awaited = made;
        continue;
      }
      bytes += made.length;
      lines.push(made);
    }
    stream.sendAll(lines);
    return (awaited !== undefined || next < items.length) && !stream.ended;
  };
  const sendRest = async () => {
    let begin: Buffer[];
    do {
      begin = awaited ? [await awaited] : [];
      awaited = undefined;
      await stream.room();
      await nextTurn();
    } while (!stream.ended && sendSome(begin));
    done();
  };
  if (sendSome()) return sendRest();
  done();
  return undefined;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpResponse, type RawAnswer } from './http-response.ts';
import { Slices } from './slices.ts';
import { WriteTurns } from './write-turns.ts';

/** Notes what it is given, and takes everything at once. */
function notedAnswer() {
  const given: string[] = [];
  const say = (what: string) => (chunk?: Uint8Array | string, done?: () => void) => {
    given.push(`${what} ${chunk?.length ?? 0}`);
    done?.();
    return true;
  };
  const nothing = () => undefined;
  const raw = {
    ...{ headersSent: false, destroyed: false, writableNeedDrain: false, writableEnded: false },
    ...{ writeHead: nothing, flushHeaders: nothing, destroy: nothing, on: nothing, once: nothing, off: nothing },
    write: say('write'),
    end: say('end'),
  } satisfies RawAnswer;
  return { given, response: new HttpResponse(raw, { turns: new WriteTurns(), slices: new Slices() }) };
}

const SLICE = 128 * 1024;
const LAST = 8 * 1024;

test('the end of a poured answer goes when all that is before it has gone', async () => {
  const { given, response } = notedAnswer();
  response.writeHead(200, { 'content-length': String(2 * SLICE) });
  const sizes = [SLICE, SLICE];
  await response.pour(() => sizes.shift()!, new AbortController().signal);
  assert.deepEqual(given, [`write ${SLICE}`, `write ${SLICE - LAST}`, `end ${LAST}`]);
});

test('so does one that is shorter than that', async () => {
  const { given, response } = notedAnswer();
  response.writeHead(200, { 'content-length': String(SLICE + 7) });
  const sizes = [SLICE, 7];
  await response.pour(() => sizes.shift()!, new AbortController().signal);
  assert.deepEqual(given, [`write ${SLICE}`, 'end 7']);
});

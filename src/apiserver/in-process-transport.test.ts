import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnGate } from '../std/turn-gate.ts';
import { createInProcessTransport, type Serve } from './in-process-transport.ts';

/** Those before the turn ends and those that its end lets in. */
const MOST = 64;

/** How many requests are served between two turns of the event loop, at most, and in what order. */
function record() {
  const served: string[] = [];
  let inTurn = 0;
  let most = 0;
  const serve: Serve = async (request, response) => {
    served.push(request.path);
    if (inTurn++ === 0) setImmediate(() => (inTurn = 0));
    most = Math.max(most, inTurn);
    response.writeHead(200);
    response.end('{}');
  };
  return { serve, served, most: () => most };
}

const anybody = { name: 'someone', groups: [] };
const get = (path: string) => ({ method: 'GET', path, headers: {} });

test('requests one behind another let others have their turn after each few', async () => {
  const { serve, served, most } = record();
  const transport = createInProcessTransport(() => serve, anybody, new TurnGate());
  for (let i = 0; i < 500; i++) await transport.request(get(`/${i}`));
  assert.equal(served.length, 500);
  assert.ok(most() <= MOST, `${most()} in one turn`);
});

test('so do those of many components at once, in their order', async () => {
  const { serve, served, most } = record();
  const gate = new TurnGate();
  const transports = Array.from({ length: 4 }, () => createInProcessTransport(() => serve, anybody, gate));
  await Promise.all(Array.from({ length: 400 }, (_, i) => transports[i % 4]!.request(get(`/${i}`))));
  assert.deepEqual(
    served,
    Array.from({ length: 400 }, (_, i) => `/${i}`),
  );
  assert.ok(most() <= MOST, `${most()} in one turn`);
});

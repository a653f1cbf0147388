import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from './api-exchange.ts';
import { plainAnswer } from './api-exchange.ts';
import { createRouter, withoutEndSlashes } from './route-table.ts';

const request = (path: string, method = 'GET') => ({ method, path }) as ApiRequest;

test('slashes at the end of a path do not matter, others do', async () => {
  const route = createRouter([{ path: '/pods', methods: ['GET'], handle: () => plainAnswer(200, '') }]);
  const statuses = await Promise.all(
    ['/pods', '/pods/', '/pods///', '//pods', '/pods/x', '/PODS', '/'].map(async (path) => {
      const outcome = await route(request(path));
      return outcome === 'taken' ? 0 : outcome.status;
    }),
  );
  assert.deepEqual(statuses, [200, 200, 200, 404, 404, 404, 404]);
});

test('a path is looked at once, whatever it is made of', () => {
  assert.equal(withoutEndSlashes('/a//b///'), '/a//b');
  assert.equal(withoutEndSlashes('///'), '');
  const run = '/'.repeat(1 << 20);
  // An expression that tries every slash as the beginning of the end would take minutes.
  assert.equal(withoutEndSlashes(`${run}x`).length, run.length + 1);
});

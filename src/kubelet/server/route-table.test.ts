import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from './api-exchange.ts';
import { plainAnswer } from './api-exchange.ts';
import { createRouter } from './route-table.ts';

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

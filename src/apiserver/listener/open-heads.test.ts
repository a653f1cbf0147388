import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { deferred } from '../../std/lifecycle.ts';
import { silentLogger } from '../../std/logger.ts';
import { createTestPki } from '../test-api.ts';
import { openListener } from './listener.ts';

test('a connection whose open requests have too many headers together is refused another one until some are answered', async (t) => {
  const pki = await createTestPki();
  const may = deferred();
  const listener = await openListener({
    ...{ bindAddress: '127.0.0.1', port: 0, tls: pki.serving, logger: silentLogger },
    serve: async (request, response) => {
      if (request.path === '/slow') await may.promise;
      response.writeHead(204);
      response.end();
    },
  });
  const session = connect(`https://127.0.0.1:${listener.port}`, { ca: pki.caPem, maxSendHeaderBlockLength: 1 << 20 });
  t.after(() => {
    session.destroy();
    listener.close();
    return listener.destroy();
  });
  const ask = (path: string, headers: number) => {
    const stream = session.request({ ':path': path, group: Array<string>(headers).fill('g') });
    return once(stream.resume(), 'response').then(
      ([head]) => (head as { ':status': number })[':status'],
      (error: NodeJS.ErrnoException) => error.message,
    );
  };
  const slow = Array.from({ length: 10 }, () => ask('/slow', 24_000));
  assert.match(String(await ask('/quick', 24_000)), /REFUSED_STREAM/);
  assert.equal(await ask('/quick', 10), 204);
  may.resolve();
  assert.deepEqual(await Promise.all(slow), Array(10).fill(204));
  assert.equal(await ask('/quick', 24_000), 204);
});

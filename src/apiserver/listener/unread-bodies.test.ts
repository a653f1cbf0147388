import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { silentLogger } from '../../std/logger.ts';
import { createTestPki } from '../test-api.ts';
import { openListener } from './listener.ts';

test('a connection whose request has been answered, and never ends, is ended; one whose request ends is kept', {
  timeout: 30_000,
}, async (t) => {
  const pki = await createTestPki();
  const listener = await openListener({
    ...{ bindAddress: '127.0.0.1', port: 0, tls: pki.serving, logger: silentLogger, restMs: 10 },
    serve: async (_request, response) => {
      response.writeHead(413, { 'content-length': '0' });
      response.end();
    },
  });
  t.after(() => {
    listener.close();
    return listener.destroy();
  });
  const options = { host: '127.0.0.1', port: listener.port, ca: pki.caPem, ALPNProtocols: ['http/1.1'] };
  const endless = connect(options);
  let heard = '';
  endless.setEncoding('utf8').on('data', (chunk: string) => {
    heard += chunk;
  });
  endless.on('error', () => undefined); // it was reset
  endless.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome');
  await once(endless, 'close');
  assert.match(heard, /^HTTP\/1\.1 413 /);

  const whole = connect(options);
  whole.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nsome');
  await once(whole, 'data');
  whole.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const [second] = (await once(whole, 'data')) as [Buffer];
  assert.match(String(second), /^HTTP\/1\.1 413 /);
  whole.destroy();
});

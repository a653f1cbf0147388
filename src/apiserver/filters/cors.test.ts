import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { test } from 'node:test';
import { startTestApi, type TestApi } from '../test-api.ts';
import { allowedOrigins } from './cors.ts';

function ask({ server, pki }: TestApi, method: string, path: string, origin?: string) {
  return new Promise<{ status: number | undefined; headers: IncomingHttpHeaders }>((resolve, reject) => {
    request({
      host: '127.0.0.1',
      port: server.port,
      ca: pki.caPem,
      agent: false,
      method,
      path,
      headers: origin === undefined ? {} : { origin },
    })
      .once('error', reject)
      .once('response', (answer) => {
        answer.resume().once('end', () => resolve({ status: answer.statusCode, headers: answer.headers }));
      })
      .end();
  });
}

const named = (headers: IncomingHttpHeaders) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')));

test('pages of allowed origins may ask and read, failures too; a question before is answered at once; others hear nothing', async () => {
  const allowsOrigin = await allowedOrigins(['//example\\.com(:|$)', '^https://.*\\.example\\.net$']);
  const api = await startTestApi({ allowsOrigin });
  try {
    const told = {
      'access-control-allow-origin': 'https://example.com:8443',
      'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE, PATCH',
      'access-control-allow-headers':
        'Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since',
      'access-control-expose-headers': 'Date',
      'access-control-allow-credentials': 'true',
    };
    const before = await ask(api, 'OPTIONS', '/api/v1/namespaces', 'https://example.com:8443');
    assert.deepEqual([before.status, named(before.headers)], [204, told]);
    const read = await ask(api, 'GET', '/api/v1/namespaces', 'https://example.com:8443');
    assert.deepEqual([read.status, named(read.headers)], [200, told]);
    const failed = await ask(api, 'GET', '/api/v1/namespaces/absent', 'https://a.example.net');
    assert.equal(failed.status, 404);
    assert.equal(failed.headers['access-control-allow-origin'], 'https://a.example.net');
    for (const origin of ['https://example.com.evil.org', 'https://a.example.net.evil.org', undefined]) {
      const answer = await ask(api, 'GET', '/api/v1/namespaces', origin);
      assert.deepEqual([answer.status, named(answer.headers)], [200, {}], origin ?? '');
      assert.notEqual((await ask(api, 'OPTIONS', '/api/v1/namespaces', origin)).status, 204, origin ?? '');
    }
  } finally {
    await api.stop();
  }
});

test('a pattern that is empty, broken, or open at an end is refused by name', async () => {
  for (const [pattern, why] of [
    ['', /^empty value in --cors-allowed-origins/],
    ['//a(b', /invalid regular expression "\/\/a\(b": .*missing/],
    ['example\\.com$', /does not pin to start\/end of host/],
    ['^example', /does not pin to start\/end of host/],
  ] as const)
    await assert.rejects(allowedOrigins([pattern]), { name: 'FlagError', message: why }, pattern);
  // A colon anywhere is enough for upstream.
  assert.ok((await allowedOrigins(['^https://example']))('https://example.org'));
});

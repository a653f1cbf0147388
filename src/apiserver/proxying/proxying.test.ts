import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { ServerRequest, ServerResponse } from '../contracts.ts';
import { BackendAgents } from './backend-agents.ts';
import { encodePath, proxyLocation, rewriteLink } from './proxy-location.ts';
import { proxyRequest } from './proxy-request.ts';
import { LinkRewriter } from './rewrite-html.ts';
import { TUNNEL_TIMES, tunnel } from './tunnel.ts';

const PREFIX = '/api/v1/namespaces/n/pods/p/proxy';

test('what stands behind the proxy’s path is the backend’s, slashes and all', () => {
  const of = (path: string) => proxyLocation(path, undefined, new URLSearchParams()).path;
  assert.equal(of(PREFIX), '');
  assert.equal(of(`${PREFIX}/`), '/');
  assert.equal(of(`${PREFIX}/a//b/`), '/a//b/');
  assert.equal(of('/api/v1/nodes/n1/proxy/stats/'), '/stats/');
  assert.equal(of('/api/v1/nodes/proxy/proxy/proxy'), '/proxy');
  assert.equal(proxyLocation(`${PREFIX}/a`, `${PREFIX}/a?x=%20&y`, new URLSearchParams()).query, '?x=%20&y');
  assert.equal(encodePath('/a b/ü?#%/:@&=+$,;'), '/a%20b/%C3%BC%3F%23%25/:@&=+$,;');
});

test('links to the backend’s root lead below the proxy, others stay', () => {
  const rewrite = (link: string) => rewriteLink(link, PREFIX, ['10.0.0.1:80', 'api.example']);
  assert.equal(rewrite('/a?b#c'), `${PREFIX}/a?b#c`);
  assert.equal(rewrite('http://10.0.0.1:80/a'), `${PREFIX}/a`);
  assert.equal(rewrite('//api.example/a/'), `${PREFIX}/a/`);
  for (const kept of [
    'a',
    './a',
    '#x',
    '?x',
    'http://elsewhere/a',
    '//elsewhere/a',
    'mailto:a@b',
    'data:text/plain,/x',
    `${PREFIX}/a`,
    '',
  ])
    assert.equal(rewrite(kept), kept);
  assert.equal(rewrite(`${PREFIX}x/a`), `${PREFIX}${PREFIX}x/a`);
});

const HTML = `<!DOCTYPE html><!-- <a href="/no"> --><html><head><title><a href="/no"></title><base HREF = '/base/'>
<script src=/s.js>if (a < b) document.write('<a href="/no">')</script></head><body background="/b">
<a title="href=/no" href="/yes?a=1&amp;b=2">1 < 2</a><img src='/i.png' alt="/no"/><p href="/no"><form action="/f"></body>`;
const EXPECTED = HTML.replace("'/base/'", "'/P/base/'")
  .replace('src=/s.js', 'src=/P/s.js')
  .replace('"/b"', '"/P/b"')
  .replace('/yes', '/P/yes')
  .replace('/i.png', '/P/i.png')
  .replace('"/f"', '"/P/f"');

test('the links of HTML are rewritten, however it comes, and nothing else is', () => {
  const rewrite = (pieces: readonly string[]) => {
    const rewriter = new LinkRewriter((link) => (link.startsWith('/') ? `/P${link}` : link));
    return pieces.map((piece) => rewriter.take(piece)).join('') + rewriter.end();
  };
  assert.equal(rewrite([HTML]), EXPECTED);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: HTML.length }), { maxLength: 20 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), HTML.length];
      assert.equal(rewrite(at.slice(1).map((end, i) => HTML.slice(at[i], end))), EXPECTED);
    }),
    { verbose: 1 },
  );
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[<>"'=/!a-z -]{0,20}$/), { maxLength: 20 }), (pieces) => {
      const kept = new LinkRewriter((link) => link);
      assert.equal(pieces.map((piece) => kept.take(piece)).join('') + kept.end(), pieces.join(''));
    }),
    { verbose: 1 },
  );
});

test('a tag without an end is not waited for without an end', () => {
  const rewriter = new LinkRewriter((link) => link);
  let out = 0;
  for (let i = 0; i < 200; i++) out += rewriter.take('<a href="'.padEnd(1024, 'x')).length;
  assert.ok(out > 100 * 1024);
});

test('what a backend calls HTML takes time in proportion to its length', () => {
  // Megabytes of each: where every character began a search of its own they would keep this server busy for minutes.
  const hostile = [
    `<a ${'a'.repeat(60_000)}>`.repeat(50),
    `<a ${'a'.repeat(30_000)}${' '.repeat(30_000)}>`.repeat(50),
    `<a ${'a="'.repeat(20_000)}>`.repeat(50),
    '<a'.repeat(1_500_000),
    '<!--<'.repeat(600_000),
    '<script></script>'.repeat(200_000),
  ];
  for (const html of hostile) {
    const rewriter = new LinkRewriter((link) => link);
    let out = '';
    for (let at = 0; at < html.length; at += 65_536) out += rewriter.take(html.slice(at, at + 65_536));
    assert.ok(out + rewriter.end() === html);
  }
});

test('a backend that changes protocols unasked is refused at once, and its own headers of the connection stay with it', async (t) => {
  const ask = async (answer: string) => {
    const backend = createServer((socket) => void socket.once('data', () => socket.end(answer)));
    backend.listen(0, '127.0.0.1');
    await once(backend, 'listening');
    const agents = new BackendAgents();
    t.after(() => {
      agents.close();
      backend.close();
    });
    let head: object = {};
    const request = { method: 'GET', headers: {}, signal: AbortSignal.timeout(20_000) } as unknown as ServerRequest;
    const response = {
      writeHead: (status: number, headers: object) => {
        head = { status, headers };
      },
      write: () => true,
      end: () => undefined,
    } as unknown as ServerResponse;
    const { port } = backend.address() as { port: number };
    const target = { scheme: 'http', host: '127.0.0.1', port, trust: { connectTimeoutMs: 10_000 } } as const;
    const location = { path: '/', prefix: PREFIX, query: '' };
    await proxyRequest(agents, { backend: target, location }, request, response);
    return head;
  };
  await assert.rejects(
    ask('HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\nConnection: Upgrade\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'),
    /error trying to reach service: backend tried to switch protocol "evil" when "" was requested/,
  );
  assert.deepEqual(
    await ask('HTTP/1.1 200 OK\r\nConnection: close, X-Own\r\nX-Own: 1\r\nX-Other: 2\r\nContent-Length: 0\r\n\r\n'),
    { status: 200, headers: { 'x-other': ['2'], 'content-length': ['0'] } },
  );
  assert.deepEqual(
    await ask('HTTP/1.1 200 OK\nX-Other: 2\nContent-Length: 0\n\n'),
    { status: 200, headers: { 'x-other': ['2'], 'content-length': ['0'] } },
    'lines without carriage returns are lines',
  );
  assert.deepEqual(
    await ask('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n'),
    { status: 200, headers: {} },
    'what comes in chunks has no other length, behind which another answer could stand',
  );
  await assert.rejects(
    ask('HTTP/1.1 200 OK\r\nX-Odd: a\u0001b\r\nContent-Length: 0\r\n\r\n'),
    /error trying to reach service: net\/http: .*malformed MIME header line: X-Odd/,
  );
});

async function sockets(t: TestContext): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const outer = dial({ port: (server.address() as { port: number }).port, host: '127.0.0.1', allowHalfOpen: true });
  const [inner] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    outer.destroy();
    inner.destroy();
    server.close();
  });
  return [outer, inner];
}

test('a tunnel brings a slow client all that the backend sent before it left', async (t) => {
  const [[client, clientSide], [backend, backendSide]] = await Promise.all([sockets(t), sockets(t)]);
  const done = tunnel(clientSide, backendSide);
  const sent = 'x'.repeat(8 << 20);
  backend.end(sent);
  client.write('what nobody reads any more');
  const got = await text(client);
  assert.equal(got.length, sent.length);
  client.end();
  await done;
});

test('a tunnel ends on both sides when either goes away or nothing has moved for long', async (t) => {
  for (const side of ['client', 'backend'] as const) {
    const [[client, clientSide], [backend, backendSide]] = await Promise.all([sockets(t), sockets(t)]);
    const done = tunnel(clientSide, backendSide, { times: { ...TUNNEL_TIMES, leaveMs: 10, finishMs: 10 } });
    (side === 'client' ? client : backend).destroy();
    await done;
    assert.ok(clientSide.destroyed && backendSide.destroyed);
  }
  const [[, clientSide], [, backendSide]] = await Promise.all([sockets(t), sockets(t)]);
  await tunnel(clientSide, backendSide, { times: { idleMs: 5, finishMs: 5, leaveMs: 5 } });
  assert.ok(clientSide.destroyed && backendSide.destroyed);
});

test('one user does not take all places of a backend', () => {
  const agents = new BackendAgents({ running: 3, runningOfCaller: 2 });
  const backend = { scheme: 'http', host: '10.0.0.1', port: 1, trust: { connectTimeoutMs: 1 } } as const;
  const greedy = [agents.enter(backend, 'greedy'), agents.enter(backend, 'greedy')];
  assert.throws(() => agents.enter(backend, 'greedy'), /too many requests of greedy run on 10\.0\.0\.1:1 already \(2\)/);
  agents.enter(backend, '__proto__').leave();
  greedy[0]!.leave();
  greedy[0]!.leave();
  agents.enter(backend, 'greedy').leave();
  greedy[1]!.leave();
  agents.close();
});

test('so many requests run on one backend, and so many backends are remembered', () => {
  const agents = new BackendAgents({ running: 2, backends: 2 });
  const trust = { connectTimeoutMs: 1 };
  const at = (port: number) => ({ scheme: 'http', host: '10.0.0.1', port, trust }) as const;
  const [first, second] = [agents.enter(at(1)), agents.enter(at(1))];
  assert.equal(first.agent, second.agent);
  assert.throws(() => agents.enter(at(1)), /too many requests run on 10\.0\.0\.1:1 already \(2\)/);
  first.leave();
  first.leave();
  agents.enter(at(1)).leave();
  agents.enter(at(2)).leave();
  agents.enter(at(3)).leave();
  assert.equal(agents.enter(at(1)).agent, second.agent, 'one that is used stays');
  assert.notEqual(agents.enter({ ...at(1), trust: { ...trust } }).agent, second.agent, 'who is trusted otherwise is another');
  agents.close();
});

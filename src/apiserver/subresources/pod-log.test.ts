import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { until } from '../../../test/harness/until.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { createTestPki, startTestApi, type TestApi } from '../test-api.ts';
import { startTestKubelet, type TestKubelet } from './test-kubelet.ts';

const LOG = '/api/v1/namespaces/default/pods/p/log';
let api: TestApi;
let kubelet: TestKubelet;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const echo: typeof answer = (request, response) => void response.end(`${request.method} ${request.url}`);

before(async () => {
  const pki = await createTestPki();
  kubelet = await startTestKubelet(pki, (request, response) => answer(request, response));
  api = await startTestApi({ kubelet: { client: await pki.clientPair('kubernetes'), caPem: pki.caPem } });
  await kubelet.register(api);
  answer = echo;
});
after(async () => {
  await api.stop();
  await kubelet.close();
});

test('a log is asked of the kubelet with the options in order', async () => {
  answer = echo;
  const query = 'timestamps=true&tailLines=3&previous=1&limitBytes=9&follow&sinceTime=2026-01-02T03:04:05%2B01:00&pretty=true';
  const log = await api.call('GET', `${LOG}?${query}`);
  assert.equal(log.headers['content-type'], 'text/plain');
  const passed = 'follow=true&limitBytes=9&previous=true&sinceTime=2026-01-02T02%3A04%3A05Z&tailLines=3&timestamps=true';
  assert.equal(log.text, `GET /containerLogs/default/p/c?${passed}`);
  assert.equal(
    (await api.call('GET', `${LOG}?stream=Stderr&sinceSeconds=4`)).text,
    'GET /containerLogs/default/p/c?sinceSeconds=4&stream=Stderr',
  );
});

test('options that are wrong are refused before anybody is asked', async () => {
  const refused = async (query: string) => {
    const { status, body } = await api.call<Status>('GET', `${LOG}?${query}`);
    return `${status} ${body.message}`;
  };
  const invalid = '422 PodLogOptions "p" is invalid: ';
  assert.equal(await refused('tailLines=-1'), `${invalid}tailLines: Invalid value: -1: must be greater than or equal to 0`);
  assert.equal(await refused('limitBytes=0'), `${invalid}limitBytes: Invalid value: 0: must be greater than 0`);
  assert.equal(await refused('sinceSeconds=0'), `${invalid}sinceSeconds: Invalid value: 0: must be greater than 0`);
  assert.equal(
    await refused('sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z'),
    `${invalid}[]: Forbidden: at most one of \`sinceTime\` or \`sinceSeconds\` may be specified`,
  );
  assert.match(await refused('stream=all'), /stream: Unsupported value: "all": supported values: "All", "Stderr", "Stdout"$/);
  assert.match(await refused('stream=Stdout&tailLines=1'), /mutually exclusive/);
  assert.equal(await refused('tailLines=x'), '400 strconv.ParseInt: parsing "x": invalid syntax');
  assert.equal(
    await refused('tailLines=9223372036854775808'),
    '400 strconv.ParseInt: parsing "9223372036854775808": value out of range',
  );
  assert.match(await refused('sinceTime=yesterday'), /^400 parsing time "yesterday" as /);
  assert.equal(await refused('container=x'), '400 container x is not valid for pod p');
});

test('what follows comes as it is written, and the kubelet stops when the client leaves', async () => {
  let ended = false;
  answer = (_request, response) => {
    response.write('first\n');
    response.once('close', () => {
      ended = true;
    });
  };
  const asking = httpsRequest({
    host: '127.0.0.1',
    port: api.server.port,
    ca: api.pki.caPem,
    path: `${LOG}?follow=true`,
    agent: false,
  });
  asking.end();
  const [log] = (await once(asking, 'response')) as [IncomingMessage];
  assert.equal(String((await once(log, 'data'))[0]), 'first\n');
  asking.destroy();
  await until('the kubelet hears of it', () => ended);
});

test('a log comes by WebSocket, too, as bytes or in base64', async () => {
  answer = (_request, response) => void response.end('some words\n');
  const read = async (protocols: string[]) => {
    const socket = new WebSocket(`wss://127.0.0.1:${api.server.port}${LOG}?follow=true`, protocols, { ca: api.pki.caPem });
    const heard: { text: string; isBinary: boolean }[] = [];
    socket.on('message', (data, isBinary) => heard.push({ text: String(data), isBinary }));
    const [code] = (await once(socket, 'close')) as [number];
    return { code, heard, protocol: socket.protocol };
  };
  assert.deepEqual(await read([]), { code: 1000, heard: [{ text: 'some words\n', isBinary: true }], protocol: '' });
  const base64 = Buffer.from('some words\n').toString('base64');
  const protocol = 'base64.binary.k8s.io';
  assert.deepEqual(await read([protocol]), { code: 1000, heard: [{ text: base64, isBinary: false }], protocol });
});

test('a reader that is slow slows down the kubelet', async () => {
  let sent = 0;
  const chunk = Buffer.alloc(64 * 1024, 'x');
  answer = (_request, response) => {
    const pour = () => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      if (!response.destroyed) response.once('drain', pour);
    };
    pour();
  };
  const asking = httpsRequest({ host: '127.0.0.1', port: api.server.port, ca: api.pki.caPem, path: LOG, agent: false });
  asking.end();
  const [log] = (await once(asking, 'response')) as [IncomingMessage];
  log.pause();
  let before = -1;
  await until('nothing more is sent', () => {
    const still = sent === before;
    before = sent;
    return still;
  });
  assert.ok(sent < 64 << 20, `${sent} bytes`);
  asking.destroy();
});

test('a kubelet’s refusal is told in its words, as far as they are short', async () => {
  const say = (status: number, text: string) => {
    answer = (_request, response) => void response.writeHead(status).end(text);
    return api.call<Status>('GET', LOG);
  };
  const forbidden = await say(403, 'Forbidden (user=kubernetes, verb=get, resource=nodes, subresource=proxy)');
  assert.equal(forbidden.status, 403);
  assert.equal(forbidden.body.reason, 'Forbidden');
  assert.equal(forbidden.body.message, 'Forbidden (user=kubernetes, verb=get, resource=nodes, subresource=proxy) ( pods/log p)');
  const unknown = await say(401, 'Unauthorized');
  assert.equal(unknown.body.message, 'the server has asked for the client to provide credentials ( pods/log p)');
  const bad = await say(400, 'container "c" in pod "p" is waiting to start: ContainerCreating');
  assert.deepEqual([bad.status, bad.body.message], [400, 'container "c" in pod "p" is waiting to start: ContainerCreating']);
  const long = await say(500, 'x'.repeat(1 << 20));
  assert.equal(long.status, 500);
  assert.equal(long.body.message?.match(/x+/)?.[0].length, 50_000);
});

test('a kubelet whose certificate nobody vouches for is refused, unless the reader does not mind', async () => {
  const [mine, other] = await Promise.all([createTestPki(), createTestPki()]);
  const strange = await startTestKubelet(other);
  const own = await startTestApi({ kubelet: { caPem: mine.caPem } });
  try {
    await strange.register(own);
    const refused = await own.call<Status>('GET', LOG);
    assert.equal(refused.status, 500);
    assert.match(
      refused.body.message ?? '',
      /^Get "https:\/\/127\.0\.0\.1:\d+\/containerLogs\/default\/p\/c": .*x509: certificate signed by unknown authority$/,
    );
    const taken = await own.call('GET', `${LOG}?insecureSkipTLSVerifyBackend=true`);
    assert.equal(taken.text, 'GET /containerLogs/default/p/c');
  } finally {
    await own.stop();
    await strange.close();
  }
});

test('a pod without a node has no log yet', async () => {
  await api.call('POST', '/api/v1/namespaces/default/pods', {
    metadata: { name: 'homeless' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  assert.equal((await api.call('GET', '/api/v1/namespaces/default/pods/homeless/log')).status, 204);
});

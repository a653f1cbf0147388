import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flagzPage, statuszPage } from './component-pages.ts';

const sources = {
  startMs: Date.parse('2026-01-02T03:04:05Z'),
  nowMs: Date.parse('2026-01-02T04:05:06Z'),
  paths: ['/metrics', '/metrics/slis', '/api', '/apis', '/openapi/v2', '/', '/healthz', '/debug/flags/v'],
};
const flags = new Map([
  ['v', '2'],
  ['bind-address', '0.0.0.0'],
]);
const asking = (kind: string, version = 'v1beta1', type = 'json') =>
  `application/${type};v=${version};g=config.k8s.io;as=${kind}`;

test('pages are text for those who ask for no object, and lead to what is for debugging', async () => {
  for (const accept of ['', 'text/plain', '*/*', 'application/json, */*']) {
    const { headers, body } = await statuszPage('kube-x', sources, accept);
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8', accept);
    assert.match(body, /^\nkube-x statusz\nWarning: .*\n\nStarted: Fri Jan {2}2 03:04:05 UTC 2026\nUp: 1 hr 01 min 01 sec\n/);
    assert.match(body, /\nEmulation version: 1\.\d+\nPaths: \/debug \/healthz \/metrics\n$/);
  }
  assert.match((await flagzPage('kube-x', flags, '*/*')).body, /^\nkube-x flagz\nWarning: .*\nbind-address=0\.0\.0\.0\nv=2\n$/);
});

test('pages are objects for those who name kind, group and version; the older version is told to be', async () => {
  const { headers, body } = await statuszPage('kube-x', sources, asking('Statusz'));
  assert.deepEqual(headers, { 'content-type': 'application/json' });
  const { goVersion, binaryVersion, emulationVersion, ...rest } = JSON.parse(body);
  assert.match(`${goVersion} ${binaryVersion} ${emulationVersion}`, /node v\S+ 1\.\S+ 1\.\d+$/);
  assert.deepEqual(rest, {
    kind: 'Statusz',
    apiVersion: 'config.k8s.io/v1beta1',
    metadata: { name: 'kube-x' },
    startTime: '2026-01-02T03:04:05Z',
    uptimeSeconds: 3661,
    paths: ['/debug', '/healthz', '/metrics'],
  });
  const old = await flagzPage('kube-x', flags, `application/json;q=0.1, ${asking('Flagz', 'v1alpha1', 'yaml')}`);
  assert.match(old.headers['warning'] ?? '', /^299 - "This version of the flagz endpoint is deprecated/);
  assert.equal(
    old.body,
    'apiVersion: config.k8s.io/v1alpha1\nflags:\n  bind-address: 0.0.0.0\n  v: "2"\nkind: Flagz\nmetadata:\n  name: kube-x\n',
  );
});

test('what cannot be served is refused with what can', async () => {
  const wrong = [
    'application/json',
    asking('Flagz'),
    asking('Statusz', 'v2'),
    'application/vnd.kubernetes.protobuf',
    'text/html',
  ];
  for (const accept of wrong)
    await assert.rejects(
      async () => statuszPage('kube-x', sources, accept),
      /only the following media types are accepted: .*text\/plain/,
    );
});

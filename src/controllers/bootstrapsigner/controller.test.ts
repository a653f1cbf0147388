import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1ConfigMap } from '../../api/gen/types.ts';
import { runController, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createBootstrapSignerController } from './controller.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const token = (id: string, extra: Record<string, string> = { 'usage-bootstrap-signing': 'true' }) => ({
  metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(
    Object.entries({ 'token-id': id, 'token-secret': '0123456789abcdef', ...extra }).map(([k, v]) => [k, base64(v)]),
  ),
});
const clusterInfo = (data: Record<string, string>) => ({ metadata: { name: 'cluster-info', namespace: 'kube-public' }, data });
const dataOf = (cluster: TestingCluster) => cluster.get<V1ConfigMap>(configMapKind, 'cluster-info', 'kube-public')?.data ?? {};

test('cluster-info carries a detached signature of its kubeconfig by each signing token', async () => {
  await using run = await runController(createBootstrapSignerController);
  run.cluster.put(secretKind, token('abcdef'));
  run.cluster.put(secretKind, token('nosign', {}));
  run.cluster.put(configMapKind, clusterInfo({ kubeconfig: 'apiVersion: v1\n', 'jws-kubeconfig-gone00': 'x..y' }));
  await run.settle();
  const data = dataOf(run.cluster);
  assert.deepEqual(Object.keys(data).sort(), ['jws-kubeconfig-abcdef', 'kubeconfig']);
  const [header, payload, signature] = data['jws-kubeconfig-abcdef']!.split('.');
  assert.equal(payload, '');
  assert.deepEqual(JSON.parse(Buffer.from(header!, 'base64url').toString()), { alg: 'HS256', kid: 'abcdef' });
  const signed = `${header}.${Buffer.from('apiVersion: v1\n').toString('base64url')}`;
  assert.equal(signature, createHmac('sha256', '0123456789abcdef').update(signed).digest('base64url'));
  assert.equal(run.cluster.requests.length, 1);
});

test('a signature goes with its token, also when the token only expires', async () => {
  await using run = await runController(createBootstrapSignerController);
  run.cluster.put(secretKind, token('abcdef', { 'usage-bootstrap-signing': 'true', expiration: '2026-01-01T00:01:00Z' }));
  run.cluster.put(configMapKind, clusterInfo({ kubeconfig: 'k' }));
  await run.settle(59_000);
  assert.deepEqual(Object.keys(dataOf(run.cluster)).sort(), ['jws-kubeconfig-abcdef', 'kubeconfig']);
  await run.settle(1000);
  assert.deepEqual(Object.keys(dataOf(run.cluster)), ['kubeconfig']);
});

import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createTestPki, type List, startTestApi, type TestApi } from '../test-api.ts';
import { probeHealthz } from './probes.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const PATH = '/api/v1/componentstatuses';

test('the list names the store and the two components beside the server', async () => {
  const { body, headers } = await api.call<List>('GET', PATH);
  assert.equal(body.kind, 'ComponentStatusList');
  assert.deepEqual(
    body.items.map(({ metadata }) => metadata?.name),
    ['scheduler', 'controller-manager', 'etcd-0'],
  );
  assert.match(headers['warning'] ?? '', /^299 - "v1 ComponentStatus is deprecated in v1\.19\+"/);
});

test('the store is asked when it is asked for', async () => {
  const { body } = await api.call('GET', `${PATH}/etcd-0`);
  assert.deepEqual(body['conditions'], [{ type: 'Healthy', status: 'True', message: 'ok' }]);
});

test('a table shows what kubectl prints', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const { body } = await api.call('GET', `${PATH}?fieldSelector=metadata.name%3Detcd-0`, undefined, { accept });
  const table = body as unknown as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
  assert.deepEqual(
    table.columnDefinitions.map(({ name }) => name),
    ['Name', 'Status', 'Message', 'Error'],
  );
  assert.deepEqual(
    table.rows.map(({ cells }) => cells),
    [['etcd-0', 'Healthy', 'ok', '']],
  );
});

test('nobody else is known, and nothing can be written', async () => {
  assert.equal((await api.call('GET', `${PATH}/proxy`)).status, 404);
  assert.equal((await api.call('GET', `${PATH}/__proto__`)).status, 404);
  const body = { apiVersion: 'v1', kind: 'ComponentStatus', metadata: { name: 'x' } };
  assert.equal((await api.call('POST', PATH, body)).status, 405);
});

test('a component answers for itself, and one that is not there is unhealthy in words of Go', async () => {
  const { serving } = await createTestPki();
  let code = 200;
  const server = createServer({ cert: serving.certificatePem, key: serving.privateKeyPem }, (_request, response) => {
    response.writeHead(code);
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  assert.deepEqual(await probeHealthz(port), { status: 'True', message: 'ok' });
  code = 500;
  assert.deepEqual(await probeHealthz(port), { status: 'False', message: 'HTTP probe failed with statuscode: 500' });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(await probeHealthz(port), {
    status: 'False',
    message: `Get "https://127.0.0.1:${port}/healthz": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});

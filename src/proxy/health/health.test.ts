import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../../test/harness/free-port.ts';
import { servePages } from '../../client/serving/http-page.ts';
import { silentLogger } from '../../std/logger.ts';
import { ProxyHealth } from './proxy-health.ts';
import { checkedServices, ServiceHealthServers } from './service-health.ts';

test('a proxy is healthy until a change has waited too long, whatever time passes without one', () => {
  let now = 0;
  const health = new ProxyHealth(() => now, 60_000);
  now = 1e9;
  assert.equal(health.healthz().status, 200);
  health.changeQueued();
  now += 59_999;
  health.changeQueued();
  assert.equal(health.livez().status, 200);
  now += 1;
  assert.equal(health.livez().status, 503);
  health.synced({ stillPending: false });
  assert.equal(health.livez().status, 200);
});

test('a node that is about to go gets no new connections, and its proxy is alive', () => {
  const health = new ProxyHealth(() => 0, 1000);
  health.nodeSeen({ spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } });
  assert.equal(health.healthz().status, 503);
  assert.match(health.healthz().body, /"nodeEligible":false/);
  assert.equal(health.livez().status, 200);
});

test('a load balancer is told how many endpoints a node has', async () => {
  const servers = new ServiceHealthServers({
    nodeName: 'here',
    isHealthy: () => true,
    logger: silentLogger,
    onFailure: (_, message) => assert.fail(message),
  });
  const service = { namespace: 'ns', name: 's', port: await freePort(), localEndpoints: 2 };
  try {
    await servers.update([service]);
    const good = await fetch(`http://127.0.0.1:${service.port}/`);
    assert.equal(good.status, 200);
    assert.equal(good.headers.get('x-load-balancing-endpoint-weight'), '2');
    assert.equal(good.headers.get('content-type'), 'application/json');
    assert.equal(good.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(
      await good.text(),
      '{\n\t"service": {\n\t\t"namespace": "ns",\n\t\t"name": "s"\n\t},\n\t"localEndpoints": 2,\n\t"serviceProxyHealthy": true\n}',
    );
    await servers.update([{ ...service, localEndpoints: 0 }]);
    assert.equal((await fetch(`http://127.0.0.1:${service.port}/`)).status, 503);
  } finally {
    await servers.close();
  }
  await assert.rejects(fetch(`http://127.0.0.1:${service.port}/`));
});

test('a proxy that does not keep up takes its node out of load balancers', async () => {
  const servers = new ServiceHealthServers({
    ...{ nodeName: 'here', isHealthy: () => false, logger: silentLogger },
    onFailure: (_, message) => assert.fail(message),
  });
  const service = { namespace: 'ns', name: 's', port: await freePort(), localEndpoints: 2 };
  try {
    await servers.update([service]);
    const answer = await fetch(`http://127.0.0.1:${service.port}/`);
    assert.equal(answer.status, 503);
    assert.equal((JSON.parse(await answer.text()) as { serviceProxyHealthy: boolean }).serviceProxyHealthy, false);
  } finally {
    await servers.close();
  }
});

test('health checks of Services listen where node ports do; a port that is taken is told once, and taken when it is free', async () => {
  const told: string[] = [];
  const servers = new ServiceHealthServers({
    ...{ nodeName: 'here', isHealthy: () => true, logger: silentLogger },
    onFailure: (_, message) => told.push(message),
  });
  const port = await freePort();
  const service = { namespace: 'ns', name: 's', port, localEndpoints: 1 };
  const other = await servePages({ host: '127.0.0.2', port }, () => undefined);
  try {
    await servers.update([service], ['127.0.0.1', '127.0.0.2']);
    await servers.update([service], ['127.0.0.1', '127.0.0.2']);
    assert.equal(told.length, 1);
    assert.match(told[0]!, new RegExp(`^node here failed to start healthcheck "ns/s" on port ${port}: .*EADDRINUSE`));
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`), 'none is open while one cannot be');
    await other.close();
    await servers.update([service], ['127.0.0.1', '127.0.0.2']);
    assert.equal((await fetch(`http://127.0.0.2:${port}/`)).status, 200);
    await servers.update([service], ['127.0.0.1']);
    await assert.rejects(fetch(`http://127.0.0.2:${port}/`));
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  } finally {
    await other.close();
    await servers.close();
  }
});

test('load balancers are told of endpoints that are ready, each once, and not of those that go', () => {
  const endpoint = (ip: string, ready = true) => ({ ip, port: 80, ready });
  const plan = (...locals: ReturnType<typeof endpoint>[][]) => ({
    ports: locals.map((local) => ({ port: { namespace: 'n', name: 's', healthCheckNodePort: 30_001 }, local })),
  });
  const count = (...plans: ReturnType<typeof plan>[]) =>
    checkedServices(plans as never).map(({ localEndpoints }) => localEndpoints);
  assert.deepEqual(count(plan([endpoint('1.1.1.1'), endpoint('1.1.1.2')], [endpoint('1.1.1.1')])), [2]);
  assert.deepEqual(count(plan([endpoint('1.1.1.1', false)])), [0]);
  assert.deepEqual(count(plan([endpoint('1.1.1.1')]), plan([endpoint('::1')])), [1], 'of two families one counts');
  assert.deepEqual(count(plan([])), [0]);
});

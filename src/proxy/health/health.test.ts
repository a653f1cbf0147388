import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../../test/harness/free-port.ts';
import { silentLogger } from '../../std/logger.ts';
import { ProxyHealth } from './proxy-health.ts';
import { ServiceHealthServers } from './service-health.ts';

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
    assert.deepEqual(await good.json(), {
      service: { namespace: 'ns', name: 's' },
      localEndpoints: 2,
      serviceProxyHealthy: true,
    });
    await servers.update([{ ...service, localEndpoints: 0 }]);
    assert.equal((await fetch(`http://127.0.0.1:${service.port}/`)).status, 503);
  } finally {
    await servers.close();
  }
  await assert.rejects(fetch(`http://127.0.0.1:${service.port}/`));
});

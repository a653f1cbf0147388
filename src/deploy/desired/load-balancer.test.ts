import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portsOf } from '../plan/preflight.ts';
import { testInventory, testMaterial } from '../test-material.ts';
import { unitsOf } from '../verify/checks.ts';
import { desiredSteps } from './desired.ts';
import { administratorUrl, endpointUrl } from './files.ts';

const host = (name: string, roles: readonly string[], last: number) => ({ name, roles, address: `192.168.20.${last}` });
const inventory = await testInventory({
  endpoint: { loadBalancer: 'muster' },
  hosts: [
    host('m1', ['etcd', 'master'], 31),
    host('m2', ['etcd', 'master'], 32),
    host('e', ['etcd'], 33),
    host('w', ['worker'], 34),
  ],
});
const textsOf = (name: string, of = inventory) =>
  new Map(
    desiredSteps(of, of.hosts.find((one) => one.name === name)!, testMaterial, {
      sysctls: new Set(),
      device: 'eth0',
    }).flatMap((step) => (step.type === 'file' ? [[step.path, Buffer.from(step.content.bytes).toString()] as const] : [])),
  );

test('with a balancer on every host, masters and workers run one that leads to all masters, and members of etcd alone do not', () => {
  const path = '/etc/systemd/system/muster-lb.service';
  for (const name of ['m1', 'w'])
    assert.match(
      textsOf(name).get(path) ?? '',
      /^ExecStart=\/usr\/bin\/muster \\\n {2}lb \\\n {2}--listen=127\.0\.0\.1:8443 \\\n {2}--server=192\.168\.20\.31:6443 \\\n {2}--server=192\.168\.20\.32:6443$/m,
    );
  assert.equal(textsOf('e').get(path), undefined);
});

test('everything on a host goes by its own balancer, and who deploys by the first master', () => {
  assert.equal(endpointUrl(inventory), 'https://127.0.0.1:8443');
  assert.equal(administratorUrl(inventory), 'https://192.168.20.31:6443');
  assert.match(textsOf('w').get('/etc/kubernetes/kube-proxy.kubeconfig') ?? '', /server: https:\/\/127\.0\.0\.1:8443/);
});

test('its port is among those that must be free, and its service among those that are verified', () => {
  const [m1, , e, w] = inventory.hosts;
  assert.equal(portsOf(inventory, w!).get(8443), 'muster-lb');
  assert.equal(portsOf(inventory, e!).get(8443), undefined);
  assert.ok(unitsOf(inventory, m1!).includes('muster-lb'));
  assert.deepEqual(unitsOf(inventory, e!), ['etcd']);
});

test('a balancer that others could reach, or in the place of the API server, is refused by name', async () => {
  await assert.rejects(
    testInventory({ endpoint: { loadBalancer: 'muster', address: '192.168.20.200' } }),
    /endpoint\.address: with "muster"/,
  );
  await assert.rejects(
    testInventory({ endpoint: { loadBalancer: 'muster', port: 6443 } }),
    /endpoint\.port: the balancer listens/,
  );
});

test('with a virtual address, masters start keepalived again when it ends', async () => {
  const virtual = await testInventory({
    endpoint: { loadBalancer: 'haproxy', address: '192.168.20.200', port: 8443 },
    hosts: [host('m1', ['etcd', 'master'], 31), host('w', ['worker'], 34)],
  });
  const path = '/etc/systemd/system/keepalived.service.d/muster.conf';
  assert.match(textsOf('m1', virtual).get(path) ?? '', /^\[Service\]\nRestart=always\n/);
  assert.match(
    textsOf('m1', virtual).get('/etc/keepalived/keepalived.conf') ?? '',
    /virtual_ipaddress \{\n {4}192\.168\.20\.200\/32 dev eth0\n/,
  );
  assert.equal(textsOf('w', virtual).get(path), undefined);
});

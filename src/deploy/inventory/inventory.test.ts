import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../../std/coded-error.ts';
import { readInventory } from './read-inventory.ts';

const three = ['m1', 'm2', 'm3'].map((name, i) => ({
  name,
  address: `192.168.20.3${i + 1}`,
  roles: ['etcd', 'master', 'worker'],
}));

const read = (more: Record<string, unknown> = {}) =>
  readInventory(JSON.stringify({ apiVersion: 'config.muster.dev/v1', kind: 'Inventory', hosts: three, ...more }));

/** The message with which an inventory is refused. */
async function refusal(more: Record<string, unknown>): Promise<string> {
  return read(more).then(
    () => assert.fail('it was taken'),
    (error: Error) => error.message,
  );
}

test('what an inventory leaves out is filled in: the first master as endpoint, an address for DNS, ssh settings of all hosts', async () => {
  const inventory = await read({
    ssh: { user: 'admin', port: 2222 },
    hosts: [{ ...three[0], ssh: { port: 22 } }, three[1], three[2]],
  });
  assert.equal(inventory.endpoint.address, '192.168.20.31');
  assert.equal(inventory.endpoint.port, 6443);
  assert.equal(inventory.network.dnsAddress, '10.0.0.2');
  assert.deepEqual(inventory.hosts[0]?.ssh, { user: 'admin', port: 22 });
  assert.deepEqual(inventory.hosts[1]?.ssh, { user: 'admin', port: 2222 });
  assert.equal(inventory.pki.directory, '/etc/kubernetes/ssl');
});

test('of very many mistakes some are told, and how many more there are, at once', async () => {
  const fields = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`field${i}`, 1]));
  const told = await refusal(fields);
  assert.match(told, /^the inventory is not valid: field0: unknown field; .*; 39950 more$/);
  assert.ok(told.length < 10_000);
});

test('every mistake is told by the field that it is in', async () => {
  assert.match(await refusal({ hosts: [{ ...three[0], name: 'M1' }] }), /hosts\[0\]\.name: "M1"/);
  assert.match(
    await refusal({ hosts: [three[0], { ...three[1], address: '192.168.20.31' }] }),
    /hosts\[1\]\.address: hosts\[0\] has/,
  );
  assert.match(await refusal({ hosts: [{ ...three[0], roles: ['boss'] }] }), /hosts\[0\]\.roles: "boss" is not supported/);
  assert.match(await refusal({ hosts: three.slice(0, 2) }), /2 hosts have role "etcd".*must be odd/);
  assert.match(await refusal({ hosts: [{ ...three[0], roles: ['worker'] }] }), /no host has role "master"/);
  assert.match(await refusal({ network: { podCIDR: '10.0.0.0/8' } }), /network\.serviceCIDR: overlaps network\.podCIDR/);
  assert.match(await refusal({ network: { dnsDomain: 'cluster.local.' } }), /network\.dnsDomain: "cluster\.local\."/);
  assert.match(await refusal({ network: { dnsAddress: '10.254.0.2' } }), /network\.dnsAddress: "10\.254\.0\.2" does not lie in/);
  assert.match(await refusal({ network: { plugin: 'weave' } }), /network\.plugin: "weave" is not supported/);
  assert.match(await refusal({ pki: { directory: '/etc/../root' } }), /pki\.directory/);
  assert.match(await refusal({ endpoint: { address: '192.168.20.200', port: 8443 } }), /endpoint\.loadBalancer/);
  assert.match(await refusal({ hosts: [{ ...three[0], ssh: { host: '-oProxyCommand=x' } }] }), /hosts\[0\]\.ssh\.host/);
  assert.match(await refusal({ flags: { kubelet: { v: '4 --x' } } }), /flags\.kubelet\.v: may hold no blanks/);
  // It stands in a line of shell of etcd's unit.
  assert.match(
    await refusal({ flags: { etcd: { 'wal-dir': '/x;reboot' } } }),
    /flags\.etcd\.wal-dir: "\/x;reboot" is not an abs/,
  );
  assert.match(
    await refusal({ hosts: [{ ...three[0], flags: { etcd: { 'data-dir': 'data' } } }] }),
    /hosts\[0\]\.flags\.etcd\.data-dir: "data" is not an absolute path/,
  );
  assert.match(await refusal({ distribution: { type: 'download' } }), /distribution\.type: "download" is not supported/);
  assert.match(await refusal({ nodes: 3 }), /nodes: unknown field/);
  const both = await refusal({ network: { plugin: 'weave' }, apiServer: { port: 70000 } });
  assert.match(both, /network\.plugin/);
  assert.match(both, /apiServer\.port: 70000 is out of range/);
});

/** Each with what is said of it, by its field. */
const REFUSED: readonly (readonly [more: Record<string, unknown>, said: RegExp])[] = [
  [{ name: '../x' }, /name: "\.\.\/x" must be/],
  [{ name: 'a b' }, /name: "a b" must be/],
  [{ hosts: [{ ...three[0], address: 'fd00::1' }] }, /hosts\[0\]\.address: "fd00::1" is of IPv6, which is not supported/],
  [{ network: { podCIDR: 'fd01::/48' } }, /network\.podCIDR: "fd01::\/48" is of IPv6/],
  [{ network: { podCIDR: '172.16.5.7/16' } }, /network\.podCIDR: "172\.16\.5\.7\/16" begins at 172\.16\.0\.0\/16/],
  [{ network: { podCIDR: '172.16.0.0/23' } }, /network\.podCIDR: 172\.16\.0\.0\/23 has room for 2 nodes of a \/24 each.*3 hosts/],
  [{ network: { podCIDR: '172.16.0.0/28' } }, /has room for 0 nodes/],
  ...['0.0.0.0', '224.0.0.1', '255.255.255.255', '169.254.1.1', '127.0.0.1'].map(
    (address) =>
      [
        { hosts: [{ ...three[0], address }] },
        /hosts\[0\]\.address: "[\d.]+" is (?:no address of a host|of the loopback)/,
      ] as const,
  ),
  [
    { endpoint: { loadBalancer: 'haproxy', address: '10.0.0.5', port: 8443 } },
    /endpoint\.address: 10\.0\.0\.5 lies in network\.serviceCIDR/,
  ],
  [{ endpoint: { loadBalancer: 'external', address: '127.0.0.1' } }, /endpoint\.address: "127\.0\.0\.1" is of the loopback/],
  [
    { hosts: [{ ...three[0], roles: ['etcd', 'master', 'master'] }] },
    /hosts\[0\]\.roles: etcd, master, master names a role twice/,
  ],
  [
    { hosts: three.map((host) => ({ ...host, connection: 'local' })) },
    /hosts\[1\]\.connection: "local" is this very machine, and so is hosts\[0\]/,
  ],
  [{ apiServer: { port: 10250 } }, /apiServer\.port: 10250 is that of the kubelet/],
  [{ endpoint: { loadBalancer: 'muster', port: 2379 } }, /endpoint\.port: 2379 is that of etcd/],
  [{ apiServer: { port: 53 } }, /apiServer\.port: 53 is that of the cluster's DNS/],
  [{ network: { nodePorts: '6000-10249' } }, /network\.nodePorts: 6000-10249 has ports.*: 6443, 8472, 9153, 10248, 10249$/],
  [{ network: { plugin: 'calico' }, apiServer: { port: 9091 } }, /apiServer\.port: 9091 is that of calico-node/],
  [{ etcd: { dataDirectory: '/var/lib' } }, /etcd\.dataDirectory: \/var\/lib is the system's own/],
  [{ kubelet: { rootDirectory: '/var//lib' } }, /kubelet\.rootDirectory: \/var\/\/lib is the system's own/],
  [{ etcd: { dataDirectory: '/var/lib/kubelet/etcd' } }, /lie in each other/],
  [{ pki: { validity: '3h', authorityValidity: '2h' } }, /pki\.validity: 3h\S* is longer than pki\.authorityValidity/],
  [{ kubeProxy: { configuration: 'x' } }, /kubeProxy\.configuration: must be an object/],
];

test('what would come to grief on hosts is refused before they are looked at', async () => {
  for (const [more, said] of REFUSED) assert.match(await refusal(more), said);
  const thirty = Array.from({ length: 30 }, (_, i) => ({
    name: `h${i}`,
    address: `192.168.20.${i + 1}`,
    roles: i < 3 ? ['etcd', 'master'] : ['worker'],
  }));
  assert.equal((await read({ hosts: thirty, endpoint: { loadBalancer: 'muster' } })).hosts.length, 30);
  await read({ network: { podCIDR: '172.16.0.0/24' }, flags: { 'kube-controller-manager': { 'node-cidr-mask-size': '26' } } });
});

test('whatever an inventory holds, it is taken or refused with a code', async () => {
  const keys = fc.constantFrom(
    'hosts',
    'ssh',
    'name',
    'network',
    'flags',
    '__proto__',
    'constructor',
    'kubelet',
    'pki',
    'roles',
    'labels',
  );
  const value = fc.jsonValue({ maxDepth: 4 });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(keys, value), async (fields) => {
      try {
        await read(fields);
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});

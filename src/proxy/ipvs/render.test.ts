import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSlice, V1Service } from '../../api/gen/types.ts';
import { type NodeSettings, planProxy } from '../plan/proxy-plan.ts';
import { type IpvsState, renderIpvs } from './render.ts';
import type { SetName } from './sets.ts';

const settings: NodeSettings = {
  family: 4,
  node: { name: 'here', zone: 'a' },
  nodeIp: '192.168.0.2',
  localTraffic: { by: 'source', cidr: '10.244.0.0/16' },
  masqueradeAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: 'all',
  localhostNodePorts: false,
  conntrackLiberal: false,
};
const hostAddresses = ['127.0.0.1', '192.168.0.2', '10.244.0.1', '::1', 'fe80::1', 'fd00::2'];

interface World {
  readonly spec?: V1Service['spec'];
  /** Of the load balancer. */
  readonly ip?: string;
  /** Addresses with where they are. */
  readonly endpoints?: Readonly<Record<string, 'here' | 'away'>>;
  readonly settings?: Partial<NodeSettings>;
  readonly scheduler?: string;
}

function render({ spec = {}, ip, endpoints = { '10.244.0.5': 'here', '10.244.1.5': 'away' }, ...more }: World): IpvsState {
  const all = { ...settings, ...more.settings };
  const service: V1Service = {
    metadata: { namespace: 'ns', name: 's' },
    spec: { clusterIP: all.family === 4 ? '10.96.0.9' : 'fd96::9', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    ...(ip && { status: { loadBalancer: { ingress: [{ ip }] } } }),
  };
  const slice: V1EndpointSlice = {
    metadata: { namespace: 'ns', name: 's-1', labels: { 'kubernetes.io/service-name': 's' } },
    addressType: all.family === 4 ? 'IPv4' : 'IPv6',
    ports: [{ port: 8080, protocol: spec.ports?.[0]?.protocol ?? 'TCP' }],
    endpoints: Object.entries(endpoints).map(([address, nodeName]) => ({ addresses: [address], nodeName })),
  };
  return renderIpvs(planProxy([service], [slice], all), { scheduler: more.scheduler ?? 'rr', hostAddresses });
}

/** Each service with its servers, as ipvsadm names them. */
const leads = ({ services }: IpvsState) =>
  Object.fromEntries([...services].map(([key, { servers }]) => [key, [...servers.keys()]]));
const entries = ({ sets }: IpvsState, name: SetName) => [...(sets.get(name) ?? [])];
const filled = ({ sets }: IpvsState) =>
  Object.fromEntries([...sets].flatMap(([name, set]) => (set.size > 0 ? [[name, [...set]]] : [])));

test('a cluster IP is a service with an address on the device, and pods of this node may reach themselves', () => {
  const state = render({});
  assert.deepEqual(leads(state), { 'tcp 10.96.0.9:80': ['10.244.0.5:8080', '10.244.1.5:8080'] });
  assert.deepEqual([...state.addresses], ['10.96.0.9']);
  assert.deepEqual(filled(state), {
    'KUBE-CLUSTER-IP': ['10.96.0.9,tcp:80'],
    'KUBE-LOOP-BACK': ['10.244.0.5,tcp:8080,10.244.0.5'],
    'KUBE-IPVS-IPS': ['10.96.0.9'],
  });
});

test('a node port is a service at every address of the node but loopback, and stands in the set of its protocol', () => {
  for (const [protocol, name, entry] of [
    ['TCP', 'KUBE-NODE-PORT-TCP', '30080'],
    ['UDP', 'KUBE-NODE-PORT-UDP', '30080'],
    ['SCTP', 'KUBE-NODE-PORT-SCTP-HASH', '192.168.0.2,sctp:30080'],
  ] as const) {
    const state = render({ spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080, protocol }] } });
    const at = protocol.toLowerCase();
    assert.deepEqual(Object.keys(leads(state)).slice(1), [`${at} 192.168.0.2:30080`, `${at} 10.244.0.1:30080`]);
    assert.ok(entries(state, name).includes(entry), protocol);
    assert.deepEqual([...state.addresses], ['10.96.0.9'], 'addresses of the node stay where they are');
  }
  const chosen = render({
    spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] },
    settings: { nodePortAddresses: ['192.168.0.2'] },
  });
  assert.deepEqual(Object.keys(leads(chosen)), ['tcp 10.96.0.9:80', 'tcp 192.168.0.2:30080']);
});

test('an external address is bound to the device unless another one has it', () => {
  const state = render({ spec: { externalIPs: ['203.0.113.7', '192.168.0.2'] } });
  assert.deepEqual([...state.addresses], ['10.96.0.9', '203.0.113.7']);
  assert.deepEqual(entries(state, 'KUBE-EXTERNAL-IP'), ['203.0.113.7,tcp:80', '192.168.0.2,tcp:80']);
  assert.ok(state.services.has('tcp 192.168.0.2:80'));
});

test('externalTrafficPolicy Local takes endpoints of this node and no masquerade; without one it takes the others, for pods of the node', () => {
  const spec: V1Service['spec'] = {
    ...{ type: 'LoadBalancer', externalTrafficPolicy: 'Local', externalIPs: ['203.0.113.7'], healthCheckNodePort: 31_000 },
    ports: [{ port: 80, nodePort: 30_080 }],
  };
  const state = render({ spec, ip: '203.0.113.8' });
  const { 'tcp 10.96.0.9:80': inside, ...outside } = leads(state);
  assert.equal(inside?.length, 2);
  for (const servers of Object.values(outside)) assert.deepEqual(servers, ['10.244.0.5:8080']);
  assert.deepEqual(entries(state, 'KUBE-EXTERNAL-IP'), []);
  assert.deepEqual(entries(state, 'KUBE-EXTERNAL-IP-LOCAL'), ['203.0.113.7,tcp:80']);
  assert.deepEqual(entries(state, 'KUBE-LOAD-BALANCER-LOCAL'), ['203.0.113.8,tcp:80']);
  assert.deepEqual(entries(state, 'KUBE-NODE-PORT-LOCAL-TCP'), ['30080']);
  assert.deepEqual(entries(state, 'KUBE-HEALTH-CHECK-NODE-PORT'), ['31000']);
  const away = render({ spec, ip: '203.0.113.8', endpoints: { '10.244.1.5': 'away' } });
  assert.deepEqual(leads(away)['tcp 203.0.113.8:80'], ['10.244.1.5:8080']);
});

test('internalTrafficPolicy Local takes endpoints of this node alone, and refuses without one', () => {
  const spec: V1Service['spec'] = { internalTrafficPolicy: 'Local' };
  assert.deepEqual(leads(render({ spec })), { 'tcp 10.96.0.9:80': ['10.244.0.5:8080'] });
  assert.deepEqual(leads(render({ spec, endpoints: { '10.244.1.5': 'away' } })), { 'tcp 10.96.0.9:80': [] });
});

test('source ranges stand in the sets of the firewall, and the node is let in or kept out by its own address', () => {
  const ip = '203.0.113.8';
  const of = (...loadBalancerSourceRanges: string[]) => render({ spec: { type: 'LoadBalancer', loadBalancerSourceRanges }, ip });
  const within = of('192.168.0.0/24', '198.51.100.7/32');
  assert.deepEqual(entries(within, 'KUBE-LOAD-BALANCER-FW'), [`${ip},tcp:80`]);
  assert.deepEqual(entries(within, 'KUBE-LOAD-BALANCER-SOURCE-CIDR'), [
    `${ip},tcp:80,192.168.0.0/24`,
    `${ip},tcp:80,198.51.100.7`, // as ipset prints it, or each sync would find it missing
  ]);
  assert.deepEqual(entries(within, 'KUBE-LOAD-BALANCER-SOURCE-IP'), [`${ip},tcp:80,${ip}`]);
  assert.deepEqual(within.rules.tables.filter.get('KUBE-IPVS-OUT-FILTER'), []);
  const without = of('198.51.100.0/24');
  assert.deepEqual(entries(without, 'KUBE-LOAD-BALANCER-SOURCE-IP'), []);
  assert.match(without.rules.tables.filter.get('KUBE-IPVS-OUT-FILTER')![0]!, /--ctorigdst 203\.0\.113\.8\/32 .*80 -j DROP$/);
  assert.deepEqual(entries(of('0.0.0.0/0'), 'KUBE-LOAD-BALANCER-FW'), [], 'everybody is nobody kept out');
});

test('PRX-27 every service has the scheduler that is asked for; ClientIP affinity is persistence', () => {
  const state = render({
    ...{ scheduler: 'wlc', ip: '203.0.113.8' },
    spec: { type: 'LoadBalancer', sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 90 } } },
  });
  for (const service of state.services.values()) assert.deepEqual([service.scheduler, service.persistentSeconds], ['wlc', 90]);
});

test('what comes from outside to a cluster IP is masqueraded as the configuration knows outside', () => {
  const rule = (more: Partial<NodeSettings>) =>
    render({ settings: more })
      .rules.tables.nat.get('KUBE-SERVICES')!
      .find((text) => /KUBE-CLUSTER-IP .*KUBE-MARK-MASQ/.test(text))!
      .replace(/.*KUBE-CLUSTER-IP /, '');
  assert.equal(rule({}), 'dst,dst ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ');
  assert.equal(rule({ masqueradeAll: true }), 'dst,dst -j KUBE-MARK-MASQ');
  assert.equal(rule({ localTraffic: { by: 'interface-prefix', prefix: 'cali' } }), 'dst,dst ! -i cali+ -j KUBE-MARK-MASQ');
  assert.equal(rule({ localTraffic: { by: 'nothing' } }), 'src,dst -j KUBE-MARK-MASQ');
});

test('IPv6 has services, sets and rules of its own, whose names the kernel has room for', () => {
  const state = render({
    settings: { family: 6, localTraffic: { by: 'source', cidr: 'fd44::/16' } },
    ...{ endpoints: { 'fd44::5': 'here' }, spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] } },
  });
  assert.deepEqual(leads(state), { 'tcp [fd96::9]:80': ['[fd44::5]:8080'], 'tcp [fd00::2]:30080': ['[fd44::5]:8080'] });
  const { nat, filter } = state.rules.tables;
  const names = [...nat.values(), ...filter.values()].flat().flatMap((rule) => /--match-set (\S+)/.exec(rule)?.[1] ?? []);
  assert.ok(
    names.every((name) => name.startsWith('KUBE-6-') && name.length <= 31),
    names.join(),
  );
  assert.ok(names.includes('KUBE-6-LOAD-BALANCER-SOURCE-CID'));
});

test('no set is given more entries than it has room for, and a load balancer whose source ranges cannot be kept is not served', () => {
  const numbered = (first: number) => Array.from({ length: 20_000 }, (_, i) => `${first}.1.${i >> 8}.${i & 255}`);
  const services = [11, 12, 13, 14].map(
    (first): V1Service => ({
      metadata: { namespace: 'ns', name: `s${first}` },
      spec: { clusterIP: `10.96.0.${first}`, externalIPs: numbered(first), ports: [{ port: 80 }] },
    }),
  );
  const balanced = [21, 22, 23, 24].map(
    (first): V1Service => ({
      metadata: { namespace: 'ns', name: `s${first}` },
      spec: { clusterIP: `10.96.0.${first}`, ports: [{ port: 80 }], loadBalancerSourceRanges: ['10.0.0.0/8'] },
      status: {
        loadBalancer: {
          ingress: numbered(first)
            .slice(0, 19_000)
            .map((ip) => ({ ip })),
        },
      },
    }),
  );
  const state = renderIpvs(planProxy([...services, ...balanced], [], settings), { scheduler: 'rr', hostAddresses });
  for (const [name, { size }] of state.sets) assert.ok(size <= 65_536, name);
  assert.ok(state.fullSets.has('KUBE-EXTERNAL-IP') && state.fullSets.has('KUBE-LOAD-BALANCER-FW'));
  const guarded = state.sets.get('KUBE-LOAD-BALANCER-FW')!;
  const open = [...state.services.keys()].filter((key) => /^tcp 2\d\./.test(key));
  assert.deepEqual(
    open.filter((key) => !guarded.has(`${key.slice(4, -3)},tcp:80`)),
    [],
  );
});

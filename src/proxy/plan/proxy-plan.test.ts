import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1EndpointSlice, V1Service } from '../../api/gen/types.ts';
import { fullTransaction, type NftRuleset, partialTransaction } from '../../host/nft-ruleset.ts';
import { renderIptables } from '../iptables/render.ts';
import { fullRestore, type IptablesRuleset, parseSave, partialRestore } from '../iptables/ruleset.ts';
import { renderNftables } from '../nftables/render.ts';
import { nameHash } from './names.ts';
import { type NodeSettings, type ProxyPlan, planProxy } from './proxy-plan.ts';

const settings: NodeSettings = {
  family: 4,
  node: { name: 'here', zone: 'a' },
  nodeIp: '10.0.0.1',
  localTraffic: { by: 'source', cidr: '10.244.0.0/16' },
  masqueradeAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: 'all',
  localhostNodePorts: true,
  conntrackLiberal: false,
};

interface Backend {
  readonly ip: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly nodeName?: string;
  readonly zones?: readonly string[];
}

const service = (name: string, spec: V1Service['spec'], ip?: string): V1Service => ({
  metadata: { namespace: 'ns', name },
  spec: { clusterIP: '10.96.0.1', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
  ...(ip && { status: { loadBalancer: { ingress: [{ ip }] } } }),
});

const slice = (name: string, backends: readonly Backend[]): V1EndpointSlice => ({
  metadata: { namespace: 'ns', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ port: 8080, protocol: 'TCP' }],
  endpoints: backends.map(({ ip, ready = true, serving, terminating, nodeName = 'away', zones }) => ({
    addresses: [ip],
    conditions: { ready, serving, terminating },
    nodeName,
    ...(zones && { hints: { forZones: zones.map((zone) => ({ name: zone })) } }),
  })),
});

const planOf = (spec: V1Service['spec'], backends: readonly Backend[]) =>
  planProxy([service('s', spec)], [slice('s', backends)], settings).ports[0];

const gone = { ready: false, serving: true, terminating: true };
const cases: readonly [title: string, V1Service['spec'], readonly Backend[], expected: object][] = [
  ['a Service without endpoints is refused', {}, [], { internal: 'reject', external: 'reject' }],
  ['endpoints that are not ready are none', {}, [{ ip: '1.1.1.1', ready: false }], { internal: 'reject' }],
  [
    'endpoints that go still serve when none is ready',
    {},
    [{ ip: '1.1.1.1', ...gone }],
    { internal: 'cluster', cluster: ['1.1.1.1'] },
  ],
  ['ready endpoints go before those that go', {}, [{ ip: '1.1.1.1', ...gone }, { ip: '1.1.1.2' }], { cluster: ['1.1.1.2'] }],
  [
    'local traffic without a local endpoint is dropped',
    { internalTrafficPolicy: 'Local' },
    [{ ip: '1.1.1.1' }],
    { internal: 'drop' },
  ],
  [
    'outside traffic that must stay goes to local endpoints, inside traffic anywhere',
    { type: 'NodePort', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30_000 }] },
    [{ ip: '1.1.1.1' }, { ip: '1.1.1.2', nodeName: 'here' }],
    { internal: 'cluster', external: 'local', cluster: ['1.1.1.1', '1.1.1.2'], local: ['1.1.1.2'] },
  ],
  [
    'hints keep traffic in the zone when every endpoint has one',
    {},
    [
      { ip: '1.1.1.1', zones: ['a'] },
      { ip: '1.1.1.2', zones: ['b'] },
    ],
    { cluster: ['1.1.1.1'] },
  ],
  ['hints of some are ignored', {}, [{ ip: '1.1.1.1', zones: ['a'] }, { ip: '1.1.1.2' }], { cluster: ['1.1.1.1', '1.1.1.2'] }],
];
for (const [title, spec, backends, expected] of cases)
  test(title, () => {
    const planned = planOf(spec, backends)!;
    const shown = { ...planned, cluster: planned.cluster.map(({ ip }) => ip), local: planned.local.map(({ ip }) => ip) };
    assert.deepEqual({ ...shown, ...expected }, shown);
  });

test('headless Services, also those that are so by label, external names and Services of other proxies have no rules', () => {
  for (const spec of [{ clusterIP: 'None' }, { type: 'ExternalName', clusterIP: '' }])
    assert.equal(planOf(spec, [{ ip: '1.1.1.1' }]), undefined);
  const other = service('s', {});
  for (const label of ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless']) {
    other.metadata!.labels = { [label]: 'x' };
    assert.equal(planProxy([other], [], settings).ports.length, 0);
  }
});

test('names that could end a rule are not written into one', () => {
  const evil = service('a" -j ACCEPT', {});
  assert.equal(planProxy([evil], [], settings).ports.length, 0);
});

test('chains have the names that upstream gives them', () => {
  // default/kubernetes:https over TCP, as any cluster of upstream's shows it.
  assert.equal(nameHash(16, 'default/kubernetes:https', 'tcp'), 'NPX46M4PTMTKRN6Y');
  assert.equal(nameHash(16, 'kube-system/kube-dns:dns', 'udp'), 'TCOU7JCQXEZGVUNU');
  // ns1/svc1:p80 with an endpoint 10.180.0.1:80, as upstream's comments on nftables show it.
  const named = { ports: [{ name: 'p80', port: 80, protocol: 'TCP' }] };
  const plan = planProxy(
    [{ metadata: { namespace: 'ns1', name: 'svc1' }, spec: { clusterIP: '10.96.0.1', ...named } }],
    [
      {
        metadata: { namespace: 'ns1', labels: { 'kubernetes.io/service-name': 'svc1' } },
        ...{ addressType: 'IPv4', endpoints: [{ addresses: ['10.180.0.1'] }], ...named },
      },
    ],
    settings,
  );
  const names = [...renderNftables(plan).chains.keys()];
  assert.ok(names.includes('service-ULMVA6XW-ns1/svc1/tcp/p80'));
  assert.ok(names.includes('endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80'));
});

/** What a table of nftables or iptables is after some commands: an interpreter of the few that are used. */
function applyNft(tables: Map<string, string[]>, transaction: string): void {
  for (const line of transaction.split('\n')) {
    const [, verb, what, name = '', rest = ''] = /^(\w+) (\w+) ip kube-proxy ?(\S*) ?(.*)$/.exec(line) ?? [];
    const key = `${what === 'rule' || what === 'chain' ? 'chain' : 'set'} ${name}`;
    const content = () => {
      const found = tables.get(key);
      assert.ok(found, `${line}: there is no ${key}`);
      return found;
    };
    if (what === 'table' || !verb) continue;
    if (verb === 'flush') content().length = 0;
    else if (verb === 'delete' && what !== 'element') {
      content();
      tables.delete(key);
      for (const [user, rules] of tables) assert.ok(!rules.some((rule) => rule.endsWith(`goto ${name}`)), `${user} uses ${name}`);
    } else if (what === 'rule') content().push(rest);
    else if (what === 'element') {
      const elements = rest.slice(2, -2).split(', ');
      if (verb === 'add') content().push(...elements);
      else
        for (const element of elements)
          content().splice(
            content().findIndex((known) => known === element || known.startsWith(`${element} : `)),
            1,
          );
    } else if (!tables.has(key)) tables.set(key, []);
  }
}

const nftState = ({ chains, sets }: NftRuleset): Map<string, string[]> => {
  const state = new Map<string, string[]>();
  for (const [name, { rules }] of chains) state.set(`chain ${name}`, [...rules]);
  for (const [name, { elements }] of sets)
    state.set(`set ${name}`, [...elements].map(([key, value]) => (value ? `${key} : ${value}` : key)).sort());
  return state;
};

const sortedSets = (tables: Map<string, string[]>) =>
  new Map([...tables].map(([key, list]) => [key, key.startsWith('set') ? list.toSorted() : list]));

function applyIptables(tables: Map<string, string[]>, input: string): void {
  let table = '';
  for (const line of input.split('\n')) {
    const [first = '', name = ''] = line.split(' ');
    if (first.startsWith('*')) table = first.slice(1);
    else if (first.startsWith(':')) tables.set(`${table} ${first.slice(1)}`, []);
    else if (first === '-A') {
      const chain = tables.get(`${table} ${name}`);
      assert.ok(chain, `${line}: there is no such chain`);
      chain.push(line.slice(4 + name.length));
    } else if (first === '-X') {
      tables.delete(`${table} ${name}`);
      for (const [user, rules] of tables)
        assert.ok(!rules.some((rule) => user.startsWith(table) && rule.endsWith(`-j ${name}`)), `${user} uses ${name}`);
    }
  }
}

const iptablesState = ({ tables }: IptablesRuleset) =>
  new Map(
    (['filter', 'nat'] as const).flatMap((table) =>
      [...tables[table]].map(([name, rules]) => [`${table} ${name}`, [...rules]] as const),
    ),
  );

const backendArbitrary = fc.record({
  ip: fc.integer({ min: 1, max: 5 }).map((n) => `10.244.0.${n}`),
  ready: fc.boolean(),
  serving: fc.boolean(),
  terminating: fc.boolean(),
  nodeName: fc.constantFrom('here', 'away'),
});
const policy = fc.constantFrom('Local', 'Cluster');
const worldArbitrary = fc
  .uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 5 })
  .chain((names) =>
    fc.tuple(
      ...names.map((n) =>
        fc.record({
          n: fc.constant(n),
          type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
          internal: policy,
          external: policy,
          sticky: fc.option(fc.integer({ min: 1, max: 3 })),
          ranges: fc.subarray(['10.0.0.0/8', '10.1.0.0/16', '1.2.3.4/32']),
          backends: fc.array(backendArbitrary, { maxLength: 4 }),
        }),
      ),
    ),
  )
  .map((parts): ProxyPlan => {
    const services = parts.map(({ n, type, internal, external, sticky, ranges }) =>
      service(
        `s${n}`,
        {
          ...{ type, clusterIP: `10.96.0.${n}`, internalTrafficPolicy: internal, externalTrafficPolicy: external },
          ports: [{ port: 80, ...(type !== 'ClusterIP' && { nodePort: 30_000 + n }) }],
          ...(sticky && { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: sticky } } }),
          loadBalancerSourceRanges: ranges,
        },
        type === 'LoadBalancer' ? `5.6.7.${n}` : undefined,
      ),
    );
    return planProxy(
      services,
      parts.map(({ n, backends }) => slice(`s${n}`, backends)),
      settings,
    );
  });

test('the way from any rules to any others makes just those, in both back ends, and never names what is not there', () => {
  fc.assert(
    fc.property(worldArbitrary, worldArbitrary, (before, after) => {
      const [nftBefore, nftAfter] = [renderNftables(before), renderNftables(after)];
      const nft = new Map<string, string[]>();
      applyNft(nft, fullTransaction(nftBefore, { chains: [], sets: [] }));
      assert.deepEqual(sortedSets(nft), sortedSets(nftState(nftBefore)));
      applyNft(nft, partialTransaction(nftBefore, nftAfter));
      assert.deepEqual([...sortedSets(nft)].sort(), [...sortedSets(nftState(nftAfter))].sort());
      assert.equal(partialTransaction(nftAfter, renderNftables(after)), '');

      const [before4, after4] = [renderIptables(before), renderIptables(after)];
      const tables = new Map<string, string[]>();
      const empty = parseSave('');
      applyIptables(tables, fullRestore(before4, { filter: empty, nat: empty }));
      applyIptables(tables, partialRestore(before4, after4));
      assert.deepEqual([...tables].sort(), [...iptablesState(after4)].sort());
      assert.equal(partialRestore(after4, renderIptables(after)), '');
    }),
    { numRuns: 150 },
  );
});

/** Where a packet to a cluster IP may come out, followed through the rules as the kernel would. */
function outcomes(rules: ReadonlyMap<string, readonly string[]>, chain: string): Set<string> {
  const found = new Set<string>();
  for (const rule of rules.get(chain) ?? assert.fail(`no chain ${chain}`)) {
    const to = /dnat to (\S+)$|--to-destination (\S+)$/.exec(rule);
    if (to) found.add(to[1] ?? to[2]!);
    for (const [, next] of rule.matchAll(/(?:goto|-j) ((?:endpoint-|KUBE-SEP-)[^\s,]+)/g))
      for (const end of outcomes(rules, next!)) found.add(end);
  }
  return found;
}

test('a packet to a cluster IP comes out at the endpoints that the policy allows, at no other, or is refused', () => {
  fc.assert(
    fc.property(worldArbitrary, (plan) => {
      const nft = renderNftables(plan);
      const chains = new Map([...nft.chains].map(([name, { rules }]) => [name, rules]));
      const nat = renderIptables(plan).tables.nat;
      for (const { port, internal, cluster, local } of plan.ports) {
        const key = `${port.clusterIp} . tcp . 80`;
        const open = nft.sets.get('service-ips')!.elements.get(key);
        const entry = nat.get('KUBE-SERVICES')!.find((rule) => rule.includes(`-d ${port.clusterIp}/32 `));
        if (internal === 'reject' || internal === 'drop') {
          assert.equal(open, undefined);
          assert.equal(entry, undefined);
          assert.ok(nft.sets.get('no-endpoint-services')!.elements.has(key));
          continue;
        }
        const expected = new Set((internal === 'local' ? local : cluster).map(({ ip }) => `${ip}:8080`));
        assert.deepEqual(outcomes(chains, open!.replace('goto ', '')), expected);
        assert.deepEqual(outcomes(nat, entry!.split(' ').at(-1)!), expected);
      }
    }),
    { numRuns: 150 },
  );
});

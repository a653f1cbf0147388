import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { TestingCluster } from '../../controllers/framework/testing-client.test-support.ts';
import { createNftTable } from '../../host/nft-table.ts';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import { silentLogger } from '../../std/logger.ts';
import { type BlockAffinity, blockAffinityKind, type IpPool, ipPoolKind } from './calico-kinds.ts';
import { createCalicoNode } from './calico-node.ts';
import { POOL_TABLE } from './pool-rules.ts';
import { readCalicoSettings } from './settings.ts';
import { tunnelMac } from './vxlan-plan.ts';

const LINK = {
  ifname: 'eth0',
  flags: ['UP'],
  mtu: 1500,
  address: '02:00:00:00:01:01',
  addr_info: [
    { family: 'inet', local: '192.0.2.1', prefixlen: 24, scope: 'global' },
    { family: 'inet6', local: '2001:db8::1', prefixlen: 64, scope: 'global' },
  ],
};

/** A node's agent with an API and programs that are written down, and a directory for its files. */
async function open(t: TestContext, environment: Readonly<Record<string, string>> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'muster-calico-node-'));
  const cluster = new TestingCluster();
  const programs = recordedPrograms(({ program, args }) => {
    const line = [program, ...args].join(' ');
    if (line.endsWith('address show')) return { stdout: JSON.stringify([LINK]) };
    if (line.startsWith('ip -json') || line.startsWith('bridge -json')) return { stdout: '[]' };
    return line.startsWith('nft --json') ? { stdout: '{"nftables":[]}' } : undefined;
  });
  const { run } = programs;
  cluster.put(nodeKind, { metadata: { name: 'n1', uid: 'uid-n1' } });
  const configurations: string[] = [];
  const bird = {
    ...{ socket: '/bird.ctl', logFile: '/bird.log', stop: async () => undefined },
    ensure: async (configuration: string) => void configurations.push(configuration),
  };
  const cni = { configurationDirectory: join(directory, 'net.d'), addressDirectory: join(directory, 'addresses') };
  await mkdir(cni.configurationDirectory);
  await mkdir(join(cni.addressDirectory, 'k8s-pod-network'), { recursive: true });
  const common = { clock: cluster.clock, logger: silentLogger };
  const agent = createCalicoNode({
    ...{ ...common, client: cluster.client, nodeName: 'n1', bird, cni, run, random: () => 0.5 },
    settings: readCalicoSettings({ CALICO_IPV4POOL_CIDR: '10.64.0.0/16', ...environment }),
    rules: {
      4: createNftTable({ family: 'ip', table: POOL_TABLE, run, logger: silentLogger }),
      6: createNftTable({ family: 'ip6', table: POOL_TABLE, run, logger: silentLogger }),
    },
  });
  const life = new AbortController();
  t.after(async () => {
    life.abort();
    await agent.done;
    await rm(directory, { recursive: true, force: true });
  });
  const address = (ip: string) => join(cni.addressDirectory, 'k8s-pod-network', ip);
  return {
    ...{ cluster, agent, programs, configurations, cni },
    start: () => agent.start(life.signal),
    blocks: () => cluster.list<BlockAffinity>(blockAffinityKind).map(({ spec }) => spec?.cidr ?? ''),
    giveAddress: (ip: string) => writeFile(address(ip), 'pod\neth0'),
    takeAddress: (ip: string) => rm(address(ip)),
    ranges: async () =>
      (await readFile(join(cni.configurationDirectory, '10-calico.conflist'), 'utf8')).match(/10\.64\.\d+\.\d+\/26/g),
  };
}

const addressesOf = (block: string, count: number) => {
  const [a, b, c, d] = (block.split('/')[0] ?? '').split('.');
  return Array.from({ length: count }, (_, i) => `${a}.${b}.${c}.${Number(d) + 2 + i}`);
};

test('a second block that no pod needs any more gives no addresses for a minute, and is then another node’s to take', async (t) => {
  const { cluster, start, blocks, giveAddress, takeAddress, ranges, agent } = await open(t);
  await start();
  const [first = ''] = blocks();
  const pods = addressesOf(first, 50);
  for (const ip of pods) await giveAddress(ip);
  const later = async (ms: number) => void (await cluster.clock.advance(ms));
  const waitFor = (what: string, is: () => boolean | Promise<boolean>) =>
    until(what, async () => {
      await later(1000);
      return is();
    });
  await waitFor('there is a second block', () => agent.blocks.length === 2);
  await waitFor('both give addresses', async () => (await ranges())?.length === 2);
  for (const ip of pods) await takeAddress(ip);
  await waitFor('one of them gives none any more', async () => (await ranges())?.length === 1);
  assert.equal(blocks().length, 2);
  const withheldMs = cluster.clock.now();
  await waitFor('it is given back', () => blocks().length === 1);
  assert.ok(cluster.clock.now() - withheldMs >= 50_000, 'long after it gave its last address');
  await waitFor('the agent knows', () => agent.blocks.length === 1);
  assert.deepEqual(await ranges(), [...agent.blocks]);
});

test('with vxlan a node tells where its device is, and BIRD tells and takes no routes of such pools', async (t) => {
  const { cluster, start, blocks, programs, configurations } = await open(t, { CALICO_IPV4POOL_VXLAN: 'Always' });
  await start();
  const [block = ''] = blocks();
  assert.equal(cluster.list<IpPool>(ipPoolKind)[0]?.spec?.vxlanMode, 'Always');
  const { annotations = {} } = cluster.get<{ metadata: { annotations?: Record<string, string> } }>(nodeKind, 'n1')!.metadata;
  assert.equal(
    annotations['projectcalico.org/IPv4VXLANTunnelAddr'],
    block.replace(/(\d+)\/26$/, (_, last) => String(Number(last) + 1)),
  );
  assert.equal(annotations['projectcalico.org/VXLANTunnelMACAddr'], tunnelMac('n1'));
  assert.ok(
    programs.lines.includes(
      `ip link add vxlan.calico address ${tunnelMac('n1')} type vxlan id 4096 local 192.0.2.1 dev eth0 dstport 4789 nolearning`,
    ),
    programs.lines.join('\n'),
  );
  const text = configurations.at(-1)!;
  assert.match(text, /filter to_peers \{\n {2}if net ~ \[ 10\.64\.0\.0\/16\+ \] then reject;/);
  assert.doesNotMatch(text, /RTS_BGP/);
});

const DUAL = { IP6: 'autodetect', CALICO_IPV6POOL_CIDR: 'fd00:64::/48' };

test('with IP6 a node has a block of each family, tells where it is by both, and has BIRD tell of both', async (t) => {
  const { cluster, start, blocks, agent, configurations, programs, cni } = await open(t, DUAL);
  await start();
  const [four = '', six = ''] = blocks().toSorted();
  assert.match(four, /^10\.64\..*\/26$/);
  assert.match(six, /^fd00:64:.*\/122$/);
  assert.deepEqual(agent.blocks, [four, six]);
  const pools = cluster.list<IpPool>(ipPoolKind).map(({ metadata, spec }) => [metadata?.name, spec?.cidr, spec?.natOutgoing]);
  assert.deepEqual(pools.toSorted(), [
    ['default-ipv4-ippool', '10.64.0.0/16', true],
    ['default-ipv6-ippool', 'fd00:64::/48', false],
  ]);
  const { annotations = {} } = cluster.get<{ metadata: { annotations?: Record<string, string> } }>(nodeKind, 'n1')!.metadata;
  assert.equal(annotations['projectcalico.org/IPv4Address'], '192.0.2.1/24');
  assert.equal(annotations['projectcalico.org/IPv6Address'], '2001:db8::1/64');
  assert.match(configurations.at(-1)!, new RegExp(`route ${four} blackhole;[^]*route ${six} blackhole;`));
  assert.ok(
    programs.calls.some(({ program, input = '' }) => program === 'nft' && input.includes('ip6 muster-calico')),
    programs.lines.join('\n'),
  );
  const text = await readFile(join(cni.configurationDirectory, '10-calico.conflist'), 'utf8');
  assert.deepEqual(JSON.parse(text).plugins[0].ipam.ranges, [[{ subnet: four }], [{ subnet: six }]]);
});

test('without CALICO_IPV6POOL_CIDR the pool of IPv6 is a range of nobody else’s, and without IP6 there is none', async (t) => {
  const six = await open(t, { IP6: '2001:db8::1' });
  await six.start();
  const ranges = ({ cluster }: typeof six) => cluster.list<IpPool>(ipPoolKind).map(({ spec }) => spec?.cidr);
  assert.match(ranges(six).toSorted().join(), /^10\.64\.0\.0\/16,fd[0-9a-f]{2}:[0-9a-f]{1,4}:[0-9a-f]{1,4}::\/48$/);
  const four = await open(t);
  await four.start();
  assert.deepEqual(ranges(four), ['10.64.0.0/16']);
  assert.equal(four.blocks().length, 1);
  assert.ok(!four.programs.lines.some((line) => line.includes('ip6')), four.programs.lines.join('\n'));
});

test('a network of IPv6 alone has blocks and sessions of it alone', async (t) => {
  const { start, blocks, configurations, cluster } = await open(t, { ...DUAL, IP: 'none' });
  await start();
  assert.deepEqual([blocks().length, blocks()[0]?.slice(-4)], [1, '/122']);
  assert.doesNotMatch(configurations.at(-1)!, /ipv4/);
  assert.match(configurations.at(-1)!, /^router id \d+\.\d+\.\d+\.\d+;$/m);
  const { annotations = {} } = cluster.get<{ metadata: { annotations?: Record<string, string> } }>(nodeKind, 'n1')!.metadata;
  assert.deepEqual(
    Object.keys(annotations).filter((name) => name.startsWith('projectcalico')),
    ['projectcalico.org/IPv6Address'],
  );
});

test('a node that was of both families takes its routes of IPv6 away when it is not any more', async (t) => {
  const { cluster, start, configurations } = await open(t);
  const annotations = { 'projectcalico.org/IPv6Address': '2001:db8::1/64' };
  cluster.put(nodeKind, { metadata: { name: 'n1', uid: 'uid-n1', annotations } });
  await start();
  assert.match(configurations.at(-1)!, /^protocol static blocks6 \{\n {2}ipv6;\n\}$/m);
  const now = cluster.get<{ metadata: { annotations?: Record<string, string> } }>(nodeKind, 'n1')!.metadata.annotations;
  assert.equal(now?.['projectcalico.org/IPv6Address'], undefined);
});

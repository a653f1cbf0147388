import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type RunProgram, runProgram } from '../../src/host/run-program.ts';
import { FAMILY_ANNOTATIONS, planBgp } from '../../src/network/bgp/bgp-plan.ts';
import { birdConfiguration } from '../../src/network/bgp/bird-configuration.ts';
import { type BirdDaemon, createBirdDaemon } from '../../src/network/bgp/bird-daemon.ts';
import type { EncapsulationMode } from '../../src/network/bgp/settings.ts';
import { closeTunnel, openTunnel } from '../../src/network/bgp/tunnel-device.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import { type ComponentProcess, startProgram } from '../harness/component-process.ts';
import { testInGuest } from '../harness/guest-kernel.ts';
import { until } from '../harness/until.ts';

/** Nodes as network namespaces of a kernel that has IPIP, with the real BIRD: two of one network, and one beyond a router. */
interface Node {
  readonly name: string;
  readonly address: string;
  readonly block: string;
  /** Stands for a pod: an address of the block. */
  readonly pod: string;
  readonly run: RunProgram;
  readonly bird: BirdDaemon;
}

/** Each look is a process, which such a kernel is slow to begin. */
const SELDOM = { intervalMs: 500 };
const POOL = '10.64.0.0/16';

/** Many commands of ip(8) at once. */
const ip = (...commands: string[]) => runProgram('ip', ['-batch', '-'], { input: commands.join('\n') });
const ipIn = (namespace: string, ...commands: string[]) =>
  runProgram('ip', ['-n', namespace, '-batch', '-'], { input: commands.join('\n') });

await testInGuest(fileURLToPath(import.meta.url), { modules: ['veth', 'ipip'], memoryMiB: 512, timeoutMs: 240_000 }, () => {
  let nodes: readonly [Node, Node, Node];
  const servers: ComponentProcess[] = [];
  after(async () => {
    for (const { bird } of nodes) await bird.stop();
    for (const server of servers) await server.stop();
  });
  before(async () => {
    const names = ['n1', 'n2', 'n3'];
    await ip('netns add router', ...names.map((name) => `netns add ${name}`));
    await runProgram('ip', ['netns', 'exec', 'router', 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    for (const [bridge, address] of [
      ['one', '192.0.2.254/24'],
      ['two', '198.51.100.254/24'],
    ] as const)
      await ipIn('router', `link add ${bridge} type bridge`, `address add ${address} dev ${bridge}`, `link set ${bridge} up`);
    nodes = [await openNode(1, 'one', '192.0.2'), await openNode(2, 'one', '192.0.2'), await openNode(3, 'two', '198.51.100')];
  });

  async function openNode(number: number, bridge: string, prefix: string): Promise<Node> {
    const name = `n${number}`;
    const pod = `10.64.${number}.2`;
    const address = `${prefix}.${number}/24`;
    await ipIn(
      name,
      ...[`link add eth0 type veth peer name ${name} netns router`, `address add ${address} dev eth0`, 'link set eth0 up'],
      ...[`address add ${pod}/32 dev lo`, 'link set lo up', `route add default via ${prefix}.254`],
    );
    await ipIn('router', `link set ${name} master ${bridge} up`);
    const run: RunProgram = (program, args, options) =>
      program === 'ip'
        ? runProgram('ip', ['-n', name, ...args])
        : runProgram('ip', ['netns', 'exec', name, program, ...args], options);
    servers.push(startProgram('ip', ['netns', 'exec', name, 'socat', 'TCP-LISTEN:7,fork,reuseaddr', 'EXEC:cat']));
    const directory = await mkdtemp(join(tmpdir(), `bird-${name}-`));
    const bird = createBirdDaemon({ directory, run, clock: systemClock, logger: silentLogger });
    return { name, address, block: `10.64.${number}.0/26`, pod, run, bird };
  }

  async function setMode(ipipMode: EncapsulationMode): Promise<void> {
    const objects = nodes.map(({ name, address }) => ({
      metadata: { name, annotations: { [FAMILY_ANNOTATIONS[4].address]: address } },
    }));
    for (const { name, address, block, run, bird } of nodes) {
      if (ipipMode === 'Never') await closeTunnel(run);
      else await openTunnel(run, { address: block.replace('.0/26', '.1'), mtu: 1480 });
      const plan = planBgp({ nodeName: name, nodes: objects, configuration: undefined, peers: [] });
      await bird.ensure(
        birdConfiguration({
          families: [{ family: 4, address, plan, blocks: [block], pools: [{ cidr: POOL, ipipMode }] }],
          ...{ routerId: address.split('/')[0]!, logFile: bird.logFile, logSeverity: 'info', keepRoutes: true },
        }),
      );
    }
  }

  const routes = async ({ run }: Node) =>
    (await run('ip', ['route', 'show', 'proto', 'bird'])).stdout
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
      .sort();
  const expectRoutes = (node: Node, ...wanted: readonly string[]) =>
    until(
      `routes of ${node.name}`,
      async () => {
        assert.deepEqual(await routes(node), [`blackhole ${node.block}`, ...wanted].sort());
        return true;
      },
      SELDOM,
    );
  /** So many bytes there and back. */
  const echoed = (from: Node, to: Node, bytes: number) =>
    until(`${to.name} answers ${from.name}`, async () => {
      const sent = 'a'.repeat(bytes);
      const { stdout } = await from.run('socat', ['-t', '5', '-', `TCP:${to.pod}:7,bind=${from.pod}`], { input: sent });
      return stdout === sent;
    });
  /** One datagram of so many bytes, headers included, that nobody may take apart. */
  const send = (from: Node, to: Node, bytes: number) =>
    from.run('socat', ['-u', `OPEN:/dev/zero,readbytes=${bytes - 28}`, `UDP:${to.pod}:9,bind=${from.pod},mtudiscover=2`]);
  /** Packets that came out of the tunnel. */
  const received = async ({ run }: Node) => {
    const { stdout } = await run('ip', ['-json', '-s', 'link', 'show', 'tunl0']);
    return (JSON.parse(stdout) as [{ stats64: { rx: { packets: number } } }])[0].stats64.rx.packets;
  };

  test('NET-14, NET-16, NET-26 with IPIP, packets between pods of any two nodes go through tunl0, with 1480 bytes at most', async () => {
    await setMode('Always');
    const [one, two, three] = nodes;
    const through = (to: Node) => `${to.block} via ${to.address.split('/')[0]} dev tunl0 onlink`;
    await expectRoutes(one, through(two), through(three));
    await expectRoutes(three, through(one), through(two));
    for (const to of [two, three]) {
      assert.ok(await echoed(one, to, 200_000));
      const before = await received(to);
      await send(one, to, 1480);
      await until('it came through the tunnel', async () => (await received(to)) === before + 1, SELDOM);
    }
    await assert.rejects(send(one, three, 1481), /Message too long/);
    const { stdout } = await one.run('ip', ['address', 'show', 'tunl0']);
    assert.match(stdout, /mtu 1480 .*inet 10\.64\.1\.1\/32/s);
    // What the node itself sends to pods comes from the tunnel's address.
    assert.match((await one.run('ip', ['route', 'get', three.pod])).stdout, /dev tunl0 src 10\.64\.1\.1 /);
  });

  test('with CrossSubnet only nodes of other networks are behind tunl0', async () => {
    await setMode('CrossSubnet');
    const [one, two, three] = nodes;
    await expectRoutes(one, `${two.block} via 192.0.2.2 dev eth0`, `${three.block} via 198.51.100.3 dev tunl0 onlink`);
    await expectRoutes(three, ...[one, two].map((to) => `${to.block} via ${to.address.split('/')[0]} dev tunl0 onlink`));
    const before = [await received(two), await received(three)];
    for (const to of [two, three]) assert.ok(await echoed(one, to, 1));
    assert.equal(await received(two), before[0]);
    assert.ok((await received(three)) > before[1]!);
  });

  test('NET-17 back without a tunnel no route leads through it, and it has no address', async () => {
    await setMode('Never');
    const [one, two] = nodes;
    await until('the tunnel is out of the routes', async () => !(await routes(one)).join().includes('tunl0'), SELDOM);
    assert.ok(await echoed(one, two, 1));
    assert.doesNotMatch((await one.run('ip', ['address', 'show', 'tunl0'])).stdout, /inet|state UP/);
  });
});

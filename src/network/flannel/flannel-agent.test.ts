import assert from 'node:assert/strict';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { createClient } from '../../client/create-client.ts';
import { createTestTransport, TestBody } from '../../client/test-transport.ts';
import { createNftTable } from '../../host/nft-table.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { systemClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { DEFAULT_CNI_CONF } from './cni-conf.ts';
import { createFlannelAgent, type FlannelAgent } from './flannel-agent.ts';
import { masqueradeTable } from './masquerade.ts';
import { parseNetConf } from './net-conf.ts';

/** What ip(8) and bridge(8) would print and change, as far as the agent asks. */
class Kernel {
  readonly links: Record<string, unknown>[] = [
    {
      ifname: 'eth0',
      flags: ['UP'],
      mtu: 1500,
      address: '02:00:00:00:01:01',
      addr_info: [{ family: 'inet', local: '192.0.2.1', prefixlen: 24, scope: 'global' }],
    },
  ];
  routes: { dst: string; gateway: string; dev: string; flags: string[] }[] = [];
  neighbours: { dst: string; lladdr: string }[] = [];
  tunnels: { mac: string; dst: string }[] = [];
  readonly lines: string[] = [];
  /** No route can be written. */
  isBroken = false;

  readonly run: RunProgram = async (program, args, { input } = {}) => {
    const line = [program, ...args].join(' ');
    if (this.isBroken && line.startsWith('ip -force')) throw new Error('RTNETLINK answers: Network is unreachable');
    if (/ -batch -$/.test(line)) for (const one of String(input).trim().split('\n')) this.#change(one);
    else if (!/ -json /.test(line)) this.lines.push(line);
    if (line.startsWith('ip link add')) this.#addDevice(args);
    return { stdout: this.#answer(line), stderr: '' };
  };

  #answer(line: string): string {
    if (line.endsWith('address show')) return JSON.stringify(this.links);
    if (line.endsWith('route show default')) return JSON.stringify([{ dst: 'default', dev: 'eth0', gateway: '192.0.2.254' }]);
    if (line.includes('route show table main')) return JSON.stringify(this.routes);
    if (line.includes('neighbour show')) return JSON.stringify(this.neighbours);
    if (line.includes('fdb show')) return JSON.stringify(this.tunnels);
    return line.includes('nft --json') ? '{"nftables":[]}' : '';
  }

  #addDevice([, , ifname, , address, , info_kind, , id]: readonly string[]): void {
    const info_data = { id: Number(id), local: '192.0.2.1', link: 'eth0', port: 8472, learning: false };
    const addr_info = [{ family: 'inet', local: '10.128.1.0', prefixlen: 32, scope: 'global' }];
    this.links.push({ ifname, address, flags: ['UP'], mtu: 1450, linkinfo: { info_kind, info_data }, addr_info });
  }

  #change(line: string): void {
    const [what, verb, key = '', , value = '', , dev = ''] = line.split(' ');
    if (what === 'route') {
      this.routes = this.routes.filter(({ dst }) => dst !== key);
      if (verb === 'replace') this.routes.push({ dst: key, gateway: value, dev, flags: ['onlink'] });
    } else if (what === 'neighbour') {
      this.neighbours = this.neighbours.filter(({ dst }) => dst !== key);
      if (verb === 'replace') this.neighbours.push({ dst: key, lladdr: value });
    } else {
      this.tunnels = this.tunnels.filter(({ mac }) => mac !== key);
      if (verb === 'replace') this.tunnels.push({ mac: key, dst: dev });
    }
  }
}

/** Nodes, and one watch of them. */
function openApi(...nodes: V1Node[]) {
  const patches: Record<string, { annotations?: Record<string, string>; conditions?: { reason?: string }[] }> = {};
  const watches = new Set<TestBody>();
  const known = new Map(nodes.map((node) => [node.metadata?.name, node]));
  let revision = 1;
  const tell = (type: string, told: V1Node) => {
    const object = { ...told, metadata: { ...told.metadata, resourceVersion: String(++revision) } };
    if (type === 'DELETED') known.delete(object.metadata?.name);
    else known.set(object.metadata?.name, object);
    for (const watch of watches) watch.write(`${JSON.stringify({ type, object })}\n`);
  };
  const transport = createTestTransport(({ method, path, body, signal }) => {
    if (path.includes('watch=')) {
      const watch = new TestBody(signal);
      watches.add(watch);
      return { headers: { 'content-type': 'application/json' }, body: watch };
    }
    if (method === 'PATCH') {
      const name = path.split('/')[4] ?? '';
      const patch = JSON.parse(Buffer.from(body as Uint8Array).toString());
      const node = known.get(name) ?? {};
      patches[name] = {
        ...patches[name],
        ...(patch.metadata && { annotations: patch.metadata.annotations }),
        ...(patch.status && { conditions: patch.status.conditions }),
      };
      const changed = {
        ...node,
        metadata: { ...node.metadata, annotations: { ...node.metadata?.annotations, ...patch.metadata?.annotations } },
      };
      tell('MODIFIED', changed);
      return { body: JSON.stringify(changed), headers: { 'content-type': 'application/json' } };
    }
    const list = { apiVersion: 'v1', kind: 'NodeList', metadata: { resourceVersion: '1' }, items: [...known.values()] };
    return { body: JSON.stringify(list), headers: { 'content-type': 'application/json' } };
  });
  return { client: createClient({ transport }), patches, tell, watched: () => watches.size > 0 };
}

function node(
  number: number,
  podCIDR: string | undefined = `10.128.${number}.0/24`,
  annotations: Record<string, string> = {},
): V1Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `n${number}`, uid: `u${number}`, resourceVersion: '1', annotations },
    spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: [podCIDR] },
  };
}

const withLease = (number: number) =>
  node(number, `10.128.${number}.0/24`, {
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/public-ip': `192.0.2.${number}`,
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/backend-data': `{"VNI":1,"VtepMAC":"02:00:00:00:00:0${number}"}`,
  });

async function openAgent(t: TestContext, api: ReturnType<typeof openApi>) {
  const root = await mkdtemp(join(tmpdir(), 'flannel-'));
  const kernel = new Kernel();
  const agent: FlannelAgent = createFlannelAgent({
    client: api.client,
    nodeName: 'n1',
    conf: parseNetConf('{"Network":"10.128.0.0/9","Backend":{"Type":"vxlan"}}'),
    cniConf: DEFAULT_CNI_CONF,
    wish: { interfaces: [], patterns: [], publicIp: { 4: undefined, 6: undefined } },
    reach: undefined,
    paths: { subnetFile: join(root, 'subnet.env'), cniConfigurationDirectory: join(root, 'net.d'), addressDirectory: undefined },
    masquerade: {
      tables: {
        4: createNftTable({ ...masqueradeTable(4), run: kernel.run, logger: silentLogger }),
        6: createNftTable({ ...masqueradeTable(6), run: kernel.run, logger: silentLogger }),
      },
      random: false,
    },
    forwardRules: false,
    annotationPrefix: 'flannel.alpha.coreos.com',
    setNodeCondition: true,
    run: kernel.run,
    clock: systemClock,
    logger: silentLogger,
    random: () => 0.5,
    resyncMs: 3_600_000,
  });
  const end = new AbortController();
  t.after(async () => {
    end.abort();
    await agent.done;
    await rm(root, { recursive: true });
  });
  return { agent, kernel, root, signal: end.signal };
}

test('a node tells where it is, and follows who comes and goes', async (t) => {
  const api = openApi(node(1), withLease(2));
  const { agent, kernel, root, signal } = await openAgent(t, api);
  await agent.start(signal);
  assert.ok(agent.isHealthy);
  assert.deepEqual(api.patches['n1']?.annotations, {
    'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"82:80:80:80:80:80"}',
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/public-ip': '192.0.2.1',
  });
  assert.equal(api.patches['n1']?.conditions?.[0]?.reason, 'FlannelIsUp');
  assert.deepEqual(kernel.tunnels, [{ mac: '02:00:00:00:00:02', dst: '192.0.2.2' }]);
  assert.match(await readFile(join(root, 'subnet.env'), 'utf8'), /FLANNEL_SUBNET=10\.128\.1\.1\/24/);
  await until('the agent watches', api.watched);
  api.tell('ADDED', withLease(3));
  await until('the new node is reached', () => kernel.routes.some(({ dst }) => dst === '10.128.3.0/24'));
  api.tell('DELETED', withLease(2));
  await until('the old one is left', () => !kernel.routes.some(({ dst }) => dst === '10.128.2.0/24'));
  assert.deepEqual(kernel.tunnels, [{ mac: '02:00:00:00:00:03', dst: '192.0.2.3' }]);
});

test('a node that had told an address of its device comes back with it', async (t) => {
  const api = openApi(withLease(1));
  const { agent, kernel, signal } = await openAgent(t, api);
  await agent.start(signal);
  assert.ok(
    kernel.lines.includes(
      'ip link add flannel.1 address 02:00:00:00:00:01 type vxlan id 1 local 192.0.2.1 dev eth0 dstport 8472 nolearning',
    ),
  );
  assert.equal(api.patches['n1']?.annotations, undefined, 'nothing new is told');
});

test('what cannot be written for another node does not keep this one from having pods', async (t) => {
  const api = openApi(node(1), withLease(2));
  const { agent, kernel, root, signal } = await openAgent(t, api);
  kernel.isBroken = true;
  const starting = agent.start(signal);
  await until('the runtime has its network', () => access(join(root, 'net.d', '10-flannel.conflist')).then(() => true));
  assert.ok(!agent.isHealthy);
  kernel.isBroken = false;
  api.tell('ADDED', withLease(3));
  await starting;
  assert.equal(kernel.routes.length, 2);
});

test('nothing is set up before the node has a range', async (t) => {
  const api = openApi({ ...node(1), spec: {} });
  const { agent, kernel, signal } = await openAgent(t, api);
  const starting = agent.start(signal);
  await until('the agent watches', api.watched);
  assert.equal(kernel.lines.length, 0);
  assert.ok(!agent.isHealthy);
  api.tell('MODIFIED', node(1));
  await starting;
  assert.ok(agent.isHealthy);
  assert.ok(kernel.lines.some((line) => line.startsWith('ip link add flannel.1')));
});

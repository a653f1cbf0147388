import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { V1Service } from '../../src/api/gen/types.ts';
import { type Containerd, startContainerd } from '../harness/containerd.ts';
import { inNamespace } from '../harness/containerd-leftovers.ts';
import { BUSYBOX, type TestImage } from '../harness/images.ts';
import { KUBECTL_VERSIONS, type Kubectl, kubectl, kubectlPath } from '../harness/kubectl.ts';
import { clusterDirectory, type MusterHome, musterHome, type UpResult } from '../harness/muster.ts';
import { type NodeLink, type NodeLinks, openNodeLinks } from '../harness/node-links.ts';
import { runCommand, runOrFail } from '../harness/run-command.ts';
import { until } from '../harness/until.ts';

/** A machine of the test's own, so that its traffic is no other test's, with two clusters. */
interface Machine {
  readonly home: MusterHome;
  readonly containerd: Containerd;
  up: UpResult;
  client: Kubectl;
}

const PATIENCE = { timeoutMs: 120_000, intervalMs: 100 };
const TOOLS = 'registry.test/tools:1';
/** Asks for the first A record over TCP and prints the answer's bytes. */
const OVER_TCP = `
const labels = ['kubernetes', 'default', 'svc', 'cluster', 'local'].map((label) => String.fromCharCode(label.length) + label);
const query = Buffer.from('\\0\\x01\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0' + labels.join('') + '\\0\\0\\x01\\0\\x01', 'latin1');
const socket = require('net').connect(53, '10.96.0.10', () => socket.write(Buffer.concat([Buffer.from([0, query.length]), query])));
socket.once('data', (bytes) => { console.log('', [...bytes].join(' '), ''); socket.destroy(); });
socket.setTimeout(3000, () => socket.destroy(new Error('no answer')));
`;
let links: NodeLinks;
let machine: NodeLink;
let first: Machine;

const onMachine = (program: string, ...args: string[]) => {
  const [file = '', ...rest] = [...inNamespace(machine.namespace), program, ...args];
  return runCommand(file, rest);
};
const curl = async (...args: string[]) => (await onMachine('curl', '-sSk', '-m', '10', ...args)).stdout;
const nft = async (...args: string[]) => (await onMachine('nft', ...args)).stdout;
const tables = async () => (await nft('list', 'tables', 'ip')).split('\n').filter((line) => /kube-proxy|muster/.test(line));

async function openCluster(images: readonly TestImage[]): Promise<Machine> {
  const prefix = inNamespace(machine.namespace);
  const [home, containerd] = await Promise.all([
    musterHome(prefix),
    startContainerd({ network: false, namespace: machine.namespace, images }),
  ]);
  const up = await start({ home, containerd });
  return { home, containerd, up, client: kubectl('1.35', up.kubeconfig, home.path, prefix) };
}

const start = ({ home, containerd }: Pick<Machine, 'home' | 'containerd'>) =>
  home.up('--runtime', 'containerd', '--container-runtime-endpoint', containerd.endpoint);

async function close(cluster: Machine | undefined): Promise<void> {
  await cluster?.home[Symbol.asyncDispose]();
  await cluster?.containerd[Symbol.asyncDispose]();
}

/** kubectl of both ages, in an image. */
async function toolsImage(): Promise<TestImage> {
  const files = await Promise.all(
    KUBECTL_VERSIONS.map(async (version) => ({ path: `bin/kubectl-${version}`, content: await readFile(kubectlPath(version)) })),
  );
  return { names: [TOOLS], cmd: ['sleep', '100000'], files };
}

const web = (name: string, replicas: number) => [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: 'web',
              image: BUSYBOX,
              command: ['sh', '-c', 'mkdir /tmp/w; hostname > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w'],
              readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { type: 'NodePort', selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
  },
];
const asker = (image: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'asker', namespace: 'default', labels: { app: 'asker' } },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image, command: ['sleep', '100000'] }] },
});
const apply = ({ client }: Machine, ...items: object[]) =>
  client.run('apply -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
const inPod = async ({ client }: Machine, command: string) =>
  (await client.try(['exec', 'asker', '--', 'sh', '-c', `${command} 2>&1`])).stdout;

/** What a web server says, or why it says nothing. Not by wget, which busybox without shared libraries crashes in when names are to be found. */
const get = async (cluster: Machine, host: string, pod = 'asker') => {
  const { stdout, stderr } = await cluster.client.try([
    ...['exec', pod, '--', 'sh', '-c', `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${host} 80`],
  ]);
  return (stdout.split('\r\n\r\n')[1] ?? stderr).trim();
};

before(async () => {
  links = await openNodeLinks();
  machine = await links.add();
  await onMachine('nft', 'add table ip others { chain keep { type filter hook forward priority 5 ; counter ; } ; }');
  first = await openCluster([await toolsImage()]);
  await apply(first, asker(TOOLS), ...web('web', 2));
  await first.client.run('wait --for=condition=Ready pod/asker --timeout=60s');
  await first.client.run('rollout status deployment/web --timeout=60s');
});
after(async () => {
  await close(first);
  await machine?.remove();
  await links?.[Symbol.asyncDispose]();
});

const serviceOf = (name: string) => first.client.json<V1Service>(`get service ${name}`);

test('a Service is reached by name from a pod, by its cluster IP from the machine, and by its node port from outside', async () => {
  const { spec } = await serviceOf('web');
  const names = (await first.client.run('get pods -l app=web -o name'))
    .trim()
    .split('\n')
    .map((name) => name.slice(4));
  const answers = new Set<string>();
  await until(
    'both pods have answered',
    async () => {
      const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 web 80`;
      const heard = await inPod(first, `for i in $(seq 10); do ${ask}; done`);
      for (const [name] of heard.matchAll(/^web-\S+/gm)) answers.add(name);
      return names.every((name) => answers.has(name));
    },
    PATIENCE,
  );
  assert.deepEqual([...answers].sort(), names.sort());
  assert.ok(names.includes((await curl(`http://${spec!.clusterIP}/`)).trim()));
  const outside = await fetch(`http://${machine.address}:${spec!.ports![0]!.nodePort}/`);
  assert.ok(names.includes((await outside.text()).trim()));
});

test('a pod reaches itself through its Service', async () => {
  await first.client.run('scale deployment/web --replicas=1');
  await until(
    'one is left',
    async () => (await first.client.run('get pods -l app=web -o name')).trim().split('\n').length === 1,
    PATIENCE,
  );
  const [name] = (await first.client.run('get pods -l app=web -o name')).trim().split('\n');
  await until('it hears itself', async () => (await get(first, 'web', name!.slice(4))) === name!.slice(4), PATIENCE);
});

test('the API server answers at its cluster IP, on the machine and in pods', async () => {
  assert.match(await curl('https://10.96.0.1/version'), /"gitVersion"/);
  assert.match(await inPod(first, 'echo $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT'), /^10\.96\.0\.1:443$/m);
  await first.client.run('create clusterrolebinding pods --clusterrole=view --serviceaccount=default:default');
  for (const version of KUBECTL_VERSIONS) {
    const listed = await inPod(first, `HOME=/tmp kubectl-${version} get pods asker -o name`);
    assert.equal(listed.trim(), 'pod/asker', version);
    assert.match(await inPod(first, `HOME=/tmp kubectl-${version} get secrets`), /forbidden/, version);
  }
});

test('cluster DNS answers at its Service’s IP, over UDP and TCP', async () => {
  assert.match(await inPod(first, 'cat /etc/resolv.conf'), /^nameserver 10\.96\.0\.10$/m);
  const { spec } = await serviceOf('web');
  assert.match(await inPod(first, 'nslookup web.default.svc.cluster.local'), new RegExp(`Address: ${spec!.clusterIP}`));
  const answer = await onMachine(process.execPath, '-e', OVER_TCP);
  assert.match(answer.stdout, / 10 96 0 1 /, answer.stderr);
});

test('a Service without endpoints refuses', async () => {
  await apply(first, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'nobody', namespace: 'default' },
    spec: { selector: { app: 'nobody' }, ports: [{ port: 80 }] },
  });
  const { spec } = await serviceOf('nobody');
  await until('it refuses', async () => /refused/.test(await get(first, spec!.clusterIP!)), PATIENCE);
});

test('a second cluster on the machine has the same addresses for its own pods, and the machine’s traffic stays the first’s', async () => {
  const second = await openCluster([await toolsImage()]);
  try {
    await apply(second, asker(TOOLS));
    await second.client.run('wait --for=condition=Ready pod/asker --timeout=60s');
    await second.client.run('create clusterrolebinding pods --clusterrole=view --serviceaccount=default:default');
    await second.client.run('create configmap only-here');
    // Each pod finds the server of its own cluster at the one address, and trusts that alone.
    const maps = (cluster: Machine) => inPod(cluster, 'HOME=/tmp kubectl-1.35 get configmaps -o name');
    assert.match(await maps(second), /^configmap\/only-here$/m);
    assert.equal((await maps(first)).trim(), 'configmap/kube-root-ca.crt');
    assert.match(await inPod(second, 'nslookup web.default.svc.cluster.local'), /NXDOMAIN/);
    assert.match(await inPod(first, 'nslookup web.default.svc.cluster.local'), /Address: 10\./);
    const { spec } = await serviceOf('web');
    assert.match(await get(second, spec!.clusterIP!), /refused|timed out|unreachable/);
    assert.match(await curl(`http://${spec!.clusterIP}/`), /^web-/);
    const log = await readFile(`${clusterDirectory(second.home)}/cluster.log`, 'utf8');
    assert.match(log, /Services are reachable from pods only.*kube-proxy-[0-9a-f]{8}/);
    assert.equal((await tables()).length, 3, 'one for each, and whose the machine is');
  } finally {
    await close(second);
  }
  assert.equal((await tables()).length, 2);
  assert.match(await curl('https://10.96.0.1/version'), /"gitVersion"/);
});

test('a cluster that was killed leads again when it comes back, to what is there by then', async () => {
  const { spec } = await serviceOf('web');
  process.kill(first.up.pid, 'SIGKILL');
  await until('the process is gone', async () => (await first.home.try(['status'])).status !== 0);
  assert.match(await curl(`http://${spec!.clusterIP}/`), /^web-/, 'rules outlive the proxy, as pods do');
  await onMachine(
    'nft',
    'delete',
    'table',
    'ip',
    (await tables())
      .find((line) => /kube-proxy/.test(line))!
      .split(' ')
      .at(-1)!,
  );
  first.up = await start(first);
  await until('the Service is back', async () => /^web-/.test(await curl(`http://${spec!.clusterIP}/`)), PATIENCE);
  assert.match(await inPod(first, 'HOME=/tmp kubectl-1.20 get pods asker -o name'), /^pod\/asker$/m);
});

test('down takes every rule and address away, and nobody else’s', async () => {
  await first.home.run(['down']);
  assert.deepEqual(await tables(), []);
  assert.match(await nft('list', 'ruleset'), /table ip others/);
  assert.doesNotMatch(await runOrFail('ip', ['-n', machine.namespace, 'address', 'show', 'dev', 'lo']), /198\.1[89]\./);
  assert.doesNotMatch(await runOrFail('ip', ['-n', machine.namespace, 'link']), /mstr-/);
});

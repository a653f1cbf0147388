/** kube-scheduler as a process of its own, with the flags of the runbook (SCH-01 to 07), beside a cluster's own scheduler. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { leaseKind } from '../../src/api/coordination/v1/lease.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import type { V1Lease, V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import { type ComponentProcess, startComponent } from '../harness/component-process.ts';
import { freePort } from '../harness/free-port.ts';
import { runCommand } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

const RUNBOOK_FLAGS = ['--address=127.0.0.1', '--leader-elect=true', '--logtostderr=true', '--v=4'];
const NAME = 'second-scheduler';

let cluster: Cluster;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let kubeconfig: string;
let port: number;
const schedulers: ComponentProcess[] = [];

before(async () => {
  [cluster, directory, port] = await Promise.all([startCluster({ nodes: 1 }), temporaryDirectory(), freePort()]);
  kubeconfig = directory.file('scheduler.kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
});
after(async () => {
  await Promise.all(schedulers.map((scheduler) => scheduler.stop()));
  await cluster.close();
  await directory[Symbol.asyncDispose]();
});

function startScheduler(securePort: number): ComponentProcess {
  const access = ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${kubeconfig}`);
  const own = [`--scheduler-name=${NAME}`, `--leader-elect-resource-name=${NAME}`, `--secure-port=${securePort}`];
  const scheduler = startComponent('kube-scheduler', [...RUNBOOK_FLAGS, ...access, ...own, '--bind-address=127.0.0.1']);
  schedulers.push(scheduler);
  return scheduler;
}

const lease = () => cluster.client().resource<V1Lease>(leaseKind, 'kube-system').get(NAME);

async function bindsPod(name: string): Promise<void> {
  const pods = cluster.client().resource<V1Pod>(podKind, 'default');
  await pods.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { schedulerName: NAME, containers: [{ name: 'c', image: 'busybox' }] },
  });
  await until(`${name} is bound`, async () => (await pods.get(name)).spec?.nodeName === 'node-1');
}

test('SCH-01 to 07: it binds the pods that name it, while it holds its lease', async () => {
  const scheduler = startScheduler(port);
  await bindsPod('first');
  assert.match((await lease()).spec?.holderIdentity ?? '', /./);
  assert.match(scheduler.output, /--address is accepted but has no effect/);
});

/** As an administrator, once the scheduler knows the authority of certificates. */
async function metricsOf(at: number): Promise<string> {
  const { clientCertificatePem = '', clientKeyPem = '' } = await resolveContext(await readKubeconfig(kubeconfig));
  const pair = directory.file('admin-pair.pem');
  await writeFile(pair, `${clientCertificatePem}\n${clientKeyPem}`, { mode: 0o600 });
  return (await runCommand('curl', ['-sk', '--cert', pair, '--key', pair, `https://127.0.0.1:${at}/metrics`])).stdout;
}

test('its own port tells everybody whether it is healthy, and its metrics only to those who may see them', async () => {
  const curl = (path: string) => runCommand('curl', ['-sk', '-w', ' %{http_code}', `https://127.0.0.1:${port}${path}`]);
  assert.equal((await curl('/healthz')).stdout, 'ok 200');
  assert.match((await curl('/metrics')).stdout, /"reason":"Forbidden".* 403$/s);
});

test('a second one takes over at once when the first is told to end, and waits until then', async () => {
  const [first] = schedulers;
  const secondPort = await freePort();
  const second = startScheduler(secondPort);
  const holder = (await lease()).spec?.holderIdentity;
  const leads = (at: number, value: number) =>
    until(`the scheduler at port ${at} says ${value} of its lead`, async () =>
      (await metricsOf(at)).includes(`leader_election_master_status{name="kube-scheduler"} ${value}\n`),
    );
  await leads(port, 1);
  await leads(secondPort, 0);
  assert.equal(await first!.stop(), 0);
  await bindsPod('second');
  await leads(secondPort, 1);
  assert.notEqual((await lease()).spec?.holderIdentity, holder);
  assert.equal(second.exitStatus, undefined);
});

test('a configuration is read strictly: what it cannot do is refused by name', async () => {
  const path = directory.file('refused.yaml');
  await writeFile(
    path,
    'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- schedulerName: a\n  plugins: {score: {enabled: [{name: Magic}]}}\n',
  );
  const refused = startComponent('kube-scheduler', [`--config=${path}`, `--kubeconfig=${kubeconfig}`]);
  assert.notEqual(await refused.exited, 0);
  assert.match(refused.output, /profiles\[0\]\.plugins\.score\.enabled\[0\]\.name: Invalid value: "Magic": plugin is not known/);
});

test('profiles of a configuration place pods, each in its way, asking an extender, and metrics tell of it', async () => {
  const asked: string[] = [];
  const extender = createServer((request, response) => {
    asked.push(request.url ?? '');
    request.resume().once('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ NodeNames: [], FailedNodes: { 'node-1': 'the extender does not like it' } }));
    });
  });
  await new Promise<void>((resolve) => extender.listen(0, '127.0.0.1', resolve));
  const { port: extenderPort } = extender.address() as AddressInfo;
  const [securePort, path] = [await freePort(), directory.file('config.yaml')];
  const configuration = {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    clientConnection: { kubeconfig },
    leaderElection: { leaderElect: false },
    profiles: [
      {
        schedulerName: 'packing',
        pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy: { type: 'MostAllocated' } } }],
      },
    ],
    extenders: [
      {
        urlPrefix: `http://127.0.0.1:${extenderPort}/scheduler`,
        filterVerb: 'filter',
        nodeCacheCapable: true,
        managedResources: [{ name: 'example.com/thing' }],
      },
    ],
  };
  await writeFile(path, JSON.stringify(configuration));
  const access = ['authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${kubeconfig}`);
  const flags = [`--config=${path}`, ...access, `--secure-port=${securePort}`, '--bind-address=127.0.0.1'];
  schedulers.push(
    startComponent('kube-scheduler', [...flags, '--authorization-always-allow-paths=/metrics,/configz,/healthz,/flagz']),
  );
  const client = cluster.client();
  const node = await client.resource<V1Node>(nodeKind).get('node-1');
  const pods = client.resource<V1Pod>(podKind, 'default');
  const make = (name: string, requests: Record<string, string> = {}) =>
    pods.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        schedulerName: 'packing',
        containers: [{ name: 'c', image: 'busybox', resources: { requests, limits: requests } }],
      },
    });
  try {
    await make('packed');
    await until('packed is bound', async () => (await pods.get('packed')).spec?.nodeName === 'node-1');
    const allocatable = { ...node.status?.allocatable, 'example.com/thing': '1' };
    await client
      .resource<V1Node>(nodeKind)
      .patch(
        'node-1',
        { status: { allocatable, capacity: { ...node.status?.capacity, 'example.com/thing': '1' } } },
        { type: 'merge', subresource: 'status' },
      );
    await make('wants', { 'example.com/thing': '1' });
    await until('wants is refused in the words of the extender', async () => {
      const { status } = await pods.get('wants');
      return status?.conditions?.some(({ message }) => /1 the extender does not like it/.test(message ?? ''));
    });
    assert.ok(asked.includes('/scheduler/filter'), String(asked));
    const stdout = await until('the pod counts as waiting', async () => {
      const page = (await runCommand('curl', ['-sk', `https://127.0.0.1:${securePort}/metrics`])).stdout;
      return /^scheduler_pending_pods\{queue="(unschedulable|backoff)"\} 1$/m.test(page) && page;
    });
    assert.match(stdout, /^scheduler_schedule_attempts_total\{profile="packing",result="scheduled"\} 1$/m);
    assert.match(stdout, /^scheduler_unschedulable_pods\{plugin="Extender",profile="packing"\} 1$/m);
    const configz = await runCommand('curl', ['-sk', `https://127.0.0.1:${securePort}/configz`]);
    const { componentconfig } = JSON.parse(configz.stdout) as { componentconfig: Record<string, unknown> };
    assert.equal((componentconfig['Profiles'] as Record<string, unknown>[])[0]?.['SchedulerName'], 'packing');
    const flagz = [
      '-sk',
      '-H',
      'Accept: application/json;v=v1beta1;g=config.k8s.io;as=Flagz',
      `https://127.0.0.1:${securePort}/flagz`,
    ];
    assert.equal(JSON.parse((await runCommand('curl', flagz)).stdout).flags['secure-port'], String(securePort));
    assert.match(stdout, /^scheduler_pod_scheduling_sli_duration_seconds_count\{attempts="1"\} 1$/m);
  } finally {
    extender.close();
  }
});

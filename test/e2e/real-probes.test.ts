import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { CoreV1Event, V1Container, V1Pod, V1PodSpec, V1Probe } from '../../src/api/gen/types.ts';
import { BUSYBOX } from '../harness/images.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useRealCluster } from './use-real-cluster.ts';

const cluster = useRealCluster();
const { run, json } = kubectlSession(cluster, '1.35', 'default');
const pod = (name: string) => json<V1Pod>(`get pod ${name}`);

async function create(name: string, container: Partial<V1Container>, spec: Partial<V1PodSpec> = {}): Promise<void> {
  const main = { name: 'main', image: BUSYBOX, command: ['sleep', '1000'], ...container };
  const whole = { terminationGracePeriodSeconds: 1, containers: [main], ...spec };
  await run('create -f -', { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: whole });
}

const shell = (script: string): Pick<V1Container, 'command'> => ({ command: ['sh', '-c', script] });
/** A directory of this machine that a container sees at /host. */
async function hostDirectory(name: string) {
  const path = join(cluster.current.home.path, `host-${name}`);
  await mkdir(path);
  return {
    file: (part: string) => join(path, part),
    mounted: { volumeMounts: [{ name: 'host', mountPath: '/host' }] },
    volumes: { volumes: [{ name: 'host', hostPath: { path } }] },
  };
}

const fast = (probe: V1Probe): V1Probe => ({ periodSeconds: 1, ...probe });

async function told(name: string, reason: string, message: RegExp): Promise<CoreV1Event> {
  return until(`${name} has an event ${reason} of ${message}`, async () => {
    const { items } = await json<{ items: CoreV1Event[] }>(`get events --field-selector involvedObject.name=${name}`);
    const found = items.find((event) => event.reason === reason && message.test(event.message ?? ''));
    if (!found) throw new Error(items.map((event) => `${event.reason}: ${event.message}`).join('\n'));
    return found;
  });
}

const mainOf = ({ status }: V1Pod) => status?.containerStatuses?.[0];
const untilMain = (name: string, what: string, holds: (status: NonNullable<ReturnType<typeof mainOf>>) => unknown) =>
  until(`${name}: ${what}`, async () => {
    const status = mainOf(await pod(name));
    if (status && holds(status)) return status;
    throw new Error(JSON.stringify(status));
  });

/** httpd of busybox answers 200 for files and 404 for others. */
const HTTPD = 'mkdir /tmp/w; exec httpd -f -p 8080 -h /tmp/w';

describe('probes of containers on containerd', { concurrency: 4 }, () => {
  test('a command decides whether a container is ready, again and again', async () => {
    const host = await hostDirectory('ready');
    await create(
      'ready',
      { ...host.mounted, readinessProbe: fast({ exec: { command: ['test', '-e', '/host/ok'] }, failureThreshold: 1 }) },
      host.volumes,
    );
    await untilMain('ready', 'not ready at first', ({ state, ready, started }) => state?.running && !ready && started);
    await writeFile(host.file('ok'), '');
    await untilMain('ready', 'ready when the file is there', ({ ready }) => ready);
    await rm(host.file('ok'));
    await untilMain('ready', 'not ready when it is gone', ({ ready, restartCount }) => !ready && restartCount === 0);
    const event = await told('ready', 'Unhealthy', /^Readiness probe failed: /);
    assert.equal(event.involvedObject.fieldPath, 'spec.containers{main}');
    const { status } = await pod('ready');
    assert.equal(status!.conditions!.find(({ type }) => type === 'Ready')!.message, 'containers with unready status: [main]');
  });

  test('a liveness probe over HTTP that fails restarts the container within the grace period of the probe', async () => {
    await create('alive', {
      ...shell(HTTPD),
      ports: [{ name: 'web', containerPort: 8080 }],
      livenessProbe: fast({ httpGet: { port: 'web', path: '/absent' }, failureThreshold: 2, terminationGracePeriodSeconds: 1 }),
    });
    await untilMain('alive', 'restarted', ({ restartCount, lastState }) => restartCount > 0 && lastState?.terminated);
    await told('alive', 'Unhealthy', /^Liveness probe failed: HTTP probe failed with statuscode: 404$/);
    await told('alive', 'Killing', /^Container main failed liveness probe, will be restarted$/);
  });

  test('nothing else is asked before the startup probe has passed', async () => {
    const host = await hostDirectory('start');
    await create(
      'start',
      {
        ...shell(`until [ -e /host/go ]; do sleep 0.2; done; ${HTTPD}`),
        ...host.mounted,
        startupProbe: fast({ tcpSocket: { port: 8080 }, failureThreshold: 1000 }),
        readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 60 },
        livenessProbe: fast({ tcpSocket: { port: 8080 }, failureThreshold: 1 }),
      },
      host.volumes,
    );
    await told('start', 'Unhealthy', /^Startup probe failed: dial tcp \d+\.\d+\.\d+\.\d+:8080: connect: connection refused$/);
    await untilMain('start', 'running and not started', ({ state, started }) => state?.running && started === false);
    await writeFile(host.file('go'), '');
    await untilMain(
      'start',
      'ready as soon as it has started',
      ({ ready, started, restartCount }) => started && ready && restartCount === 0,
    );
  });

  test('a startup probe that never passes restarts the container', async () => {
    await create('never', { startupProbe: fast({ exec: { command: ['false'] }, failureThreshold: 2 }) });
    await untilMain('never', 'restarted', ({ restartCount, started }) => restartCount > 0 && started === false);
    await told('never', 'Killing', /^Container main failed startup probe, will be restarted$/);
  });

  test('a command that takes too long is a failure', async () => {
    await create('slow', { readinessProbe: fast({ exec: { command: ['sleep', '20'] }, timeoutSeconds: 1 }) });
    await told('slow', 'Unhealthy', /^Readiness probe failed: command timed out: "sleep 20" timed out after 1s$/);
  });

  test('a command that is not there is told', async () => {
    await create('missing', { readinessProbe: fast({ exec: { command: ['/no/such/program'] } }) });
    await told('missing', 'Unhealthy', /^Readiness probe errored and resulted in unknown state: .*no such file or directory/);
  });

  test('tries are counted at /metrics/probes', async () => {
    await create('counted', { ...shell(HTTPD), readinessProbe: fast({ tcpSocket: { port: 8080 } }) });
    await untilMain('counted', 'ready', ({ ready }) => ready);
    const page = await run(`get --raw /api/v1/nodes/${cluster.current.nodeName}/proxy/metrics/probes`);
    assert.match(
      page,
      /prober_probe_total\{probe_type="Readiness",result="successful",container="main",pod="counted",namespace="default",pod_uid="[^"]+"\} \d+/,
    );
  });
});

describe('gRPC', () => {
  const grpc = new Server();
  let port = 0;
  let health = 1;
  before(async () => {
    const whole = (bytes: Buffer) => bytes;
    const check = { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false };
    const codec = { requestSerialize: whole, responseSerialize: whole, responseDeserialize: whole };
    grpc.addService(
      { Check: { ...check, ...codec, requestDeserialize: (bytes: Buffer) => ({ bytes }) } },
      { Check: (_call: unknown, answer: (error: null, value: Buffer) => void) => answer(null, Buffer.from([8, health])) },
    );
    port = await new Promise<number>((resolve, reject) =>
      grpc.bindAsync('0.0.0.0:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
    );
  });
  after(() => grpc.forceShutdown());

  test('the health of a service is asked for, of a pod on the host’s network at the host', async () => {
    await create('grpc', { readinessProbe: fast({ grpc: { port }, failureThreshold: 1 }) }, { hostNetwork: true });
    await untilMain('grpc', 'ready', ({ ready }) => ready);
    health = 2;
    await untilMain('grpc', 'not ready', ({ ready }) => !ready);
    await told('grpc', 'Unhealthy', /^Readiness probe failed: service unhealthy \(responded with "NOT_SERVING"\)$/);
  });
});

test('a kubelet that was killed finds what was ready still ready, and goes on probing', async () => {
  await create('adopted', {
    ...shell('touch /tmp/ok /tmp/up; sleep 1000'),
    startupProbe: fast({ exec: { command: ['test', '-e', '/tmp/up'] } }),
    readinessProbe: fast({ exec: { command: ['test', '-e', '/tmp/ok'] }, failureThreshold: 1 }),
  });
  await untilMain('adopted', 'ready', ({ ready }) => ready);
  const readyOf = ({ status }: V1Pod) => status!.conditions!.find(({ type }) => type === 'Ready')!;
  const before = await pod('adopted');
  await cluster.current.killKubelet();
  await cluster.current.startKubelet();
  const raw = `get --raw /api/v1/nodes/${cluster.current.nodeName}/proxy/metrics/probes`;
  await until('the new kubelet probes it', async () => /result="successful",container="main",pod="adopted"/.test(await run(raw)));
  const now = await pod('adopted');
  assert.deepEqual(readyOf(now), readyOf(before), 'it was never told to be anything else');
  assert.equal(mainOf(now)!.containerID, mainOf(before)!.containerID);
});

/**
 * kubectl 1.35 sends what it makes itself in protobuf. Each command is tried twice: as kubectl is, which is answered in JSON, and through
 * a proxy that takes JSON away, so that Kubernetes' own decoder reads Muster's protobuf.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { kubectlPath } from '../harness/kubectl.ts';
import { type ProtobufOnlyProxy, startProtobufOnlyProxy } from '../harness/protobuf-only-proxy.ts';
import { type CommandResult, runCommand, runOrFail } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';

type Json = Record<string, unknown>;

/** What is made, and how. */
const CREATED: Readonly<Record<string, string>> = {
  'deployment/web': 'deployment web --image=nginx:1 --replicas=0 --port=80',
  'job/once': 'job once --image=busybox -- sh -c true',
  'cronjob/often': 'cronjob often --image=busybox --schedule=@yearly --restart=OnFailure -- date',
  'service/web': 'service clusterip web --tcp=80:8080',
  'secret/keys': 'secret generic keys --from-literal=a=b --from-literal=empty=',
  'configmap/settings': 'configmap settings --from-literal=k=v',
  'ingress/web': 'ingress web --rule=example.com/path*=web:80,tls=keys --annotation=a=b',
  'role/reader': 'role reader --verb=get,list --resource=pods,deployments.apps/scale --resource-name=x',
  'clusterrole/NS-reader': 'clusterrole NS-reader --verb=get --non-resource-url=/healthz',
  'clusterrole/NS-all': 'clusterrole NS-all --aggregation-rule=a=b',
  'rolebinding/reader': 'rolebinding reader --role=reader --user=jane --serviceaccount=default:default',
  'clusterrolebinding/NS-reader': 'clusterrolebinding NS-reader --clusterrole=NS-reader --group=readers',
  'serviceaccount/robot': 'serviceaccount robot',
  'quota/small': 'quota small --hard=pods=7,requests.memory=1Gi --scopes=Terminating',
  'pdb/web': 'poddisruptionbudget web --selector=app=web --min-available=50%',
  'priorityclass/NS-high': 'priorityclass NS-high --value=-5 --preemption-policy=Never --description=some',
};

let cluster: Cluster | undefined;
let proxy: ProtobufOnlyProxy;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
before(async () => {
  directory = await temporaryDirectory();
  cluster = await startCluster({ nodes: 1 });
  await writeFile(directory.file('kubeconfig'), cluster.kubeconfig, { mode: 0o600 });
  await writeFile(directory.file('empty'), '');
  proxy = await startProtobufOnlyProxy(cluster.kubeconfig);
});
after(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await cluster?.close();
  await directory[Symbol.asyncDispose]();
});

const words = (line: string) => line.split(/\s+/);

for (const answers of ['json', 'protobuf'] as const)
  describe(`kubectl 1.35, answered in ${answers},`, () => {
    const namespace = `in-${answers}`;
    const environment = () => ({ HOME: directory.path, KUBECONFIG: directory.file(answers === 'json' ? 'kubeconfig' : 'empty') });
    const line = (args: readonly string[]) => [...(answers === 'json' ? [] : ['--server', proxy.url]), '-n', namespace, ...args];
    const run = (args: string | readonly string[], input?: string) =>
      runOrFail(kubectlPath('1.35'), line(typeof args === 'string' ? words(args) : args), { env: environment(), input });
    const attempt = (args: string): Promise<CommandResult> =>
      runCommand(kubectlPath('1.35'), line(words(args)), { env: environment() });
    const object = async (args: string) => JSON.parse(await run(`${args} -o json`)) as Json;
    const inNamespace = (text: string) => text.replaceAll('NS', namespace);
    /** Options stand before a job's command. */
    const withOptions = (create: string, options: string) => `create ${inNamespace(create).replace(/( -- |$)/, ` ${options}$1`)}`;

    test('creates a namespace', async () => {
      const created = await runOrFail(kubectlPath('1.35'), line(words(`create namespace ${namespace}`)), { env: environment() });
      assert.equal(created, `namespace/${namespace} created\n`);
    });

    for (const [name, create] of Object.entries(CREATED))
      test(`creates ${name.split('/')[0]} ${name.split('/')[1]} as it would in JSON, and shows what was made`, async () => {
        const manifest = JSON.parse(await run(withOptions(create, '--dry-run=client -o json'))) as Json;
        const shown = JSON.parse(await run(withOptions(create, '-o json'))) as Json;
        const stored = await object(`get ${inNamespace(name)}`);
        assertSaid(manifest, stored, name);
        assert.deepEqual(lasting(shown), lasting(stored));
      });

    test('is told of what cannot be', async () => {
      assert.match((await attempt('create configmap settings')).stderr, /configmaps "settings" already exists/);
      const invalid = await attempt('create configmap Bad_Name');
      assert.match(invalid.stderr, /"Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name"/);
    });

    test('asks for tokens, rights and who it is', async () => {
      assert.match(await run('create token robot --duration=1h'), /^eyJ[\w-]+\.[\w-]+\.[\w-]+\n?$/);
      assert.equal(await run('auth can-i create pods'), 'yes\n');
      const other = await attempt('auth can-i create pods --as=jane');
      assert.equal(other.stdout, 'no\n');
      assert.match(await run('auth can-i --list'), /^\*\.\*/m);
      assert.match(await run('auth whoami'), /^Username\s+kubernetes-admin$/m);
    });

    test('approves a certificate request', async () => {
      const request = directory.file(`${answers}.csr`);
      const key = words(`-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${request}.key`);
      await runOrFail('openssl', ['req', '-new', ...key, '-subj', '/O=dev/CN=jane', '-out', request]);
      const pem = await runOrFail('base64', ['-w0', request]);
      const name = `jane-${answers}`;
      const spec = { request: pem, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] };
      const csr = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name }, spec };
      await run('create -f -', JSON.stringify(csr));
      assert.match(await run(`certificate approve ${name}`), /approved/);
      await until('the certificate is issued', async () => {
        const { status } = (await object(`get csr ${name}`)) as { status?: { certificate?: string } };
        return status?.certificate !== undefined;
      });
    });

    test('copies a pod with all that it has', async () => {
      await run('create -f -', JSON.stringify(pod));
      const keep = '--keep-labels --keep-annotations --keep-liveness --keep-readiness --keep-startup --keep-init-containers';
      await run(`debug full --copy-to=copy --image=busybox --profile=general --container=debugger ${keep} -- sleep 1`);
      const spec = async (name: string) => ((await object(`get pod ${name}`)) as { spec: Json & { containers: Json[] } }).spec;
      const copied = await spec('copy');
      copied.containers = copied.containers.filter((container) => container['name'] !== 'debugger');
      assertSaid(pod.spec, copied, 'copy');
      assert.deepEqual(withoutEmpty({ ...copied, nodeName: '' }), withoutEmpty({ ...(await spec('full')), nodeName: '' }));
    });

    test('describes and drains a node', async () => {
      const described = await run('describe node node-1');
      assert.match(described, /^Name:\s+node-1$/m);
      assert.match(described, /^ {2}Ready\s+True\s/m);
      assert.match(described, /^ {2}HolderIdentity:\s+node-1$/m);
      assert.match(described, /^ {2}pods:\s+110$/m);
      assert.match(await run('cordon node-1'), /cordoned/);
      assert.match(await run('uncordon node-1'), /uncordoned/);
    });

    if (answers === 'json') return;

    test('watches in protobuf', async () => {
      const watching = attempt('events --watch --for=configmap/settings --request-timeout=0');
      const streams = () => proxy.exchanges.filter((exchange) => exchange.answered === `${PROTOBUF};stream=watch`);
      await until('the watch is on', () => streams().length > 0);
      const involved = { kind: 'ConfigMap', namespace, name: 'settings', apiVersion: 'v1' };
      const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'seen' }, involvedObject: involved, reason: 'Seen' };
      await run('create -f -', JSON.stringify({ ...event, message: 'by the watcher', type: 'Normal', count: 3 }));
      await until('the event has been sent', () => streams().some((exchange) => exchange.bytes > 0));
      proxy.endStreams();
      assert.match((await watching).stdout, /Normal\s+Seen\s+ConfigMap\/settings\s+by the watcher/);
    });

    test('was sent protobuf, and sent it', () => {
      const typed = proxy.exchanges.filter((exchange) => exchange.sent === PROTOBUF);
      assert.ok(typed.length > 20);
      for (const exchange of typed) assert.equal(exchange.answered, PROTOBUF, `${exchange.method} ${exchange.path}`);
      for (const { sent, status, path } of proxy.exchanges) assert.notEqual(status, 415, `${path} in ${sent}`);
    });
  });

test('kubectl as it is sends protobuf, and is answered in the JSON that lies ready', async () => {
  const env = { HOME: directory.path, KUBECONFIG: directory.file('kubeconfig') };
  const { stderr } = await runCommand(kubectlPath('1.35'), words('create configmap -n default logged -v=8'), { env });
  assert.match(
    stderr,
    /Content-Type"?:\s*.*application\/vnd\.kubernetes\.protobuf|Content-Type: application\/vnd\.kubernetes\.protobuf/s,
  );
  assert.match(stderr, /Content-Type: application\/json/);
});

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'full', labels: { a: 'b' }, annotations: { note: 'ü' } },
  spec: {
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    shareProcessNamespace: true,
    nodeSelector: { 'example.com/nowhere': 'true' },
    hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }],
    tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 }],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: { topologyKey: 'x', labelSelector: { matchLabels: { a: 'b' } } } },
        ],
      },
    },
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'ScheduleAnyway' }],
    securityContext: { runAsUser: 0, runAsNonRoot: false, supplementalGroups: [1, 4_000_000] },
    initContainers: [{ name: 'init', image: 'x', restartPolicy: 'Always' }],
    containers: [
      {
        name: 'main',
        image: 'nginx:1',
        args: ['', 'b'],
        ports: [{ containerPort: 80, name: 'http', protocol: 'UDP' }],
        env: [
          { name: 'FIELD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'SECRET', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: false } } },
        ],
        envFrom: [{ prefix: 'P', configMapRef: { name: 'm', optional: true } }],
        resources: { limits: { cpu: '500m', memory: '1Gi' } },
        livenessProbe: { httpGet: { path: '/', port: 'http', httpHeaders: [{ name: 'a', value: 'b' }] }, initialDelaySeconds: 5 },
        readinessProbe: { tcpSocket: { port: 80 } },
        lifecycle: { preStop: { exec: { command: ['x'] } }, postStart: { sleep: { seconds: 0 } } },
        securityContext: { privileged: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [{ name: 'scratch', mountPath: '/a', readOnly: true }],
      },
    ],
    volumes: [
      { name: 'scratch', emptyDir: { sizeLimit: '1Gi' } },
      { name: 'files', configMap: { name: 'm', items: [{ key: 'a', path: 'b', mode: 0 }], defaultMode: 0 } },
      { name: 'host', hostPath: { path: '/', type: '' } },
      { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 700 } }] } },
    ],
  },
};

/** All that `said` says is in `stored`, but for what is empty: a server fills in more. */
function assertSaid(said: unknown, stored: unknown, path: string): void {
  if (isEmpty(said)) return;
  if (typeof said !== 'object' || said === null) {
    assert.equal(stored, said, path);
    return;
  }
  for (const [key, value] of Object.entries(said)) assertSaid(value, (stored as Json | undefined)?.[key], `${path}.${key}`);
}

/** An object without what changes by itself and without what is empty. */
function lasting({ status: _status, metadata, rules, ...rest }: Json): unknown {
  const { resourceVersion: _version, annotations: _annotations, generation: _generation, ...kept } = metadata as Json;
  // A controller writes the rules of an aggregated role.
  return withoutEmpty({ ...rest, metadata: kept, ...(rest['aggregationRule'] === undefined && { rules }) });
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => !isEmpty(item))
      .map(([key, item]) => [key, withoutEmpty(item)]),
  );
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isEmpty);
  return value === undefined || value === null || value === '' || value === 0 || value === false;
}

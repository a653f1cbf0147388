import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { V1ConfigMap, V1Deployment } from '../../src/api/gen/types.ts';
import { runCommand } from '../harness/run-command.ts';
import { testTools } from '../harness/tools.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '0');

const namespace = 'charted';
const LABELS = 'app.kubernetes.io/instance: {{ .Release.Name }}';

const CHART: Readonly<Record<string, string>> = {
  'Chart.yaml': 'apiVersion: v2\nname: site\nversion: 1.0.0\n',
  'values.yaml': 'replicas: 2\ngreeting: hello\nextra: true\n',
  'templates/configmap.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  labels: { ${LABELS} }
data:
  greeting: {{ .Values.greeting | quote }}
  {{- if .Values.extra }}
  extra: "yes"
  {{- end }}
`,
  'templates/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: { ${LABELS} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { ${LABELS} } }
  template:
    metadata: { labels: { ${LABELS} } }
    spec:
      containers:
        - name: site
          image: nginx:1
          ports: [{ containerPort: 80, name: http }]
          envFrom: [{ configMapRef: { name: {{ .Release.Name }} } }]
`,
  'templates/service.yaml': `apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: { ${LABELS} }
  ports: [{ port: 80, targetPort: http }]
`,
};

describe('helm', () => {
  const { run, json } = kubectlSession(cluster, '1.35', namespace);
  let chart = '';

  const tryHelm = (args: string) => {
    const { home } = cluster.current;
    const env = { KUBECONFIG: home.kubeconfig, HOME: home.path };
    return runCommand(testTools().helm, ['--namespace', namespace, ...args.split(' ')], { env });
  };
  const helm = async (args: string) => {
    const { status, stdout, stderr } = await tryHelm(args);
    assert.equal(status, 0, `helm ${args} ended with ${status}:\n${stderr}`);
    return stdout;
  };
  const site = async () => ({
    map: await json<V1ConfigMap>('get configmap site --show-managed-fields'),
    deployment: await json<V1Deployment>('get deployment site --show-managed-fields'),
  });

  before(async () => {
    await run(`create namespace ${namespace}`);
    chart = join(cluster.current.home.path, 'chart');
    for (const [file, text] of Object.entries(CHART)) {
      await mkdir(dirname(join(chart, file)), { recursive: true });
      await writeFile(join(chart, file), text);
    }
  });

  test('installs a chart, whose objects it owns by server-side apply', async () => {
    assert.match(await helm(`install site ${chart}`), /STATUS: deployed/);
    const { map, deployment } = await site();
    assert.deepEqual(map.data, { greeting: 'hello', extra: 'yes' });
    assert.equal(deployment.spec!.replicas, 2);
    assert.deepEqual(
      deployment.metadata!.managedFields!.filter(({ operation }) => operation === 'Apply').map(({ manager }) => manager),
      ['helm'],
    );
    assert.match(await helm('list'), /^site\s+charted\s+1\s/m);
  });

  test('upgrades it: values change, and what the chart has no more goes', async () => {
    assert.match(await helm(`upgrade site ${chart} --set replicas=3,greeting=hi,extra=false`), /REVISION: 2/);
    const { map, deployment } = await site();
    assert.deepEqual(map.data, { greeting: 'hi' });
    assert.equal(deployment.spec!.replicas, 3);
  });

  test('is told of conflicts with what others changed', async () => {
    await run('scale deployment site --replicas=7');
    const refused = await tryHelm(`upgrade site ${chart} --set replicas=4`);
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/);
    await helm(`upgrade site ${chart} --set replicas=4 --force-conflicts`);
    assert.equal((await site()).deployment.spec!.replicas, 4);
  });

  test('rolls it back', async () => {
    await helm('rollback site 1');
    const { map, deployment } = await site();
    assert.deepEqual(map.data, { greeting: 'hello', extra: 'yes' });
    assert.equal(deployment.spec!.replicas, 2);
  });

  test('removes it', async () => {
    assert.match(await helm('uninstall site'), /release "site" uninstalled/);
    assert.equal(await run('get configmap,deployment,service,secret -l owner!=nobody -o name'), 'configmap/kube-root-ca.crt\n');
  });
});

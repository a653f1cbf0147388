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

const WIDGETS = 'widgets.shop.example.com';
/** A definition, objects of it, a hook before and one after, and a test. */
const OPERATOR: Readonly<Record<string, string>> = {
  'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n',
  'values.yaml': 'size: 3\n',
  'crds/widgets.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: ${WIDGETS}
spec:
  group: shop.example.com
  scope: Namespaced
  names: { kind: Widget, plural: widgets, singular: widget, shortNames: [wd] }
  versions:
    - name: v1
      served: true
      storage: true
      additionalPrinterColumns: [{ name: Size, type: integer, jsonPath: .spec.size }]
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: { type: integer, minimum: 1, description: How large it is. }
                colour: { type: string, default: red }
`,
  'templates/widget.yaml': `apiVersion: shop.example.com/v1
kind: Widget
metadata: { name: {{ .Release.Name }} }
spec: { size: {{ .Values.size }} }
`,
  'templates/before.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-before
  annotations: { helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-succeeded }
`,
  'templates/after.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-after
  annotations: { helm.sh/hook: "post-install,post-upgrade", helm.sh/hook-delete-policy: before-hook-creation }
data: { revision: {{ .Release.Revision | quote }} }
`,
  'templates/tests/map.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-test
  annotations: { helm.sh/hook: test }
`,
};

interface Widget {
  readonly spec: { readonly size: number; readonly colour: string };
}

describe('helm', () => {
  const { run, json } = kubectlSession(cluster, '1.35', namespace);
  let chart = '';
  let operator = '';

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

  const write = async (name: string, files: Readonly<Record<string, string>>) => {
    const directory = join(cluster.current.home.path, name);
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, file)), { recursive: true });
      await writeFile(join(directory, file), text);
    }
    return directory;
  };

  before(async () => {
    await run(`create namespace ${namespace}`);
    chart = await write('chart', CHART);
    operator = await write('operator', OPERATOR);
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

  test('installs definitions before objects of them, and runs hooks and tests', async () => {
    assert.match(await helm(`install shop ${operator}`), /STATUS: deployed/);
    assert.deepEqual((await json<Widget>('get widget shop')).spec, { size: 3, colour: 'red' });
    assert.match(await run('get wd'), /^NAME +SIZE\nshop +3\n$/);
    assert.match(await run('explain widget.spec'), /How large it is\./);
    assert.equal(await run('get configmap shop-before --ignore-not-found'), '');
    assert.equal((await json<V1ConfigMap>('get configmap shop-after')).data?.['revision'], '1');
    assert.match(await helm('test shop'), /TEST SUITE: +shop-test\n[\s\S]*Phase: +Succeeded/);
    assert.match(await helm('get hooks shop'), /name: shop-before/);
  });

  test('upgrades objects of definitions, is refused what they forbid, and leaves the definitions', async () => {
    assert.match(await helm(`upgrade shop ${operator} --set size=5`), /REVISION: 2/);
    assert.equal((await json<Widget>('get widget shop')).spec.size, 5);
    assert.equal((await json<V1ConfigMap>('get configmap shop-after')).data?.['revision'], '2');
    const refused = await tryHelm(`upgrade shop ${operator} --set size=0`);
    assert.match(refused.stderr, /spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1/);
    await helm('rollback shop 1');
    assert.equal((await json<Widget>('get widget shop')).spec.size, 3);
    await helm('uninstall shop');
    assert.equal(await run('get widgets -o name'), '');
    assert.equal(await run(`get crd ${WIDGETS} -o name`), `customresourcedefinition.apiextensions.k8s.io/${WIDGETS}\n`);
  });
});

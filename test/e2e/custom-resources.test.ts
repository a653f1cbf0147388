import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { KUBECTL_VERSIONS, kubectl } from '../harness/kubectl.ts';
import { musterHome } from '../harness/muster.ts';
import { until } from '../harness/until.ts';
import { kubectlSession, namespaceFor } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '0');

/** The definition of upstream's documentation, with something of everything. */
const definition = (group: string) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `crontabs.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'], categories: ['all'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: {
            specReplicasPath: '.spec.replicas',
            statusReplicasPath: '.status.replicas',
            labelSelectorPath: '.status.labelSelector',
          },
        },
        additionalPrinterColumns: [
          { name: 'Spec', type: 'string', description: 'When it runs', jsonPath: '.spec.cronSpec' },
          { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
          { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: 'Image', type: 'string', priority: 1, jsonPath: '.spec.image' },
        ],
        selectableFields: [{ jsonPath: '.spec.image' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            description: 'CronTab runs something now and then.',
            properties: {
              spec: {
                type: 'object',
                description: 'What is wanted.',
                required: ['cronSpec'],
                'x-kubernetes-validations': [
                  { rule: 'self.replicas <= self.maxReplicas', message: 'replicas must not exceed maxReplicas' },
                ],
                properties: {
                  cronSpec: {
                    type: 'string',
                    description: 'When it runs.',
                    pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$',
                  },
                  image: { type: 'string', description: 'What runs.' },
                  replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
                  maxReplicas: { type: 'integer', default: 10 },
                  ports: {
                    type: 'array',
                    maxItems: 10,
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string' }, port: { type: 'integer' } },
                    },
                  },
                },
              },
              status: {
                type: 'object',
                properties: {
                  replicas: { type: 'integer' },
                  labelSelector: { type: 'string' },
                  conditions: {
                    type: 'array',
                    items: { type: 'object', properties: { type: { type: 'string' }, status: { type: 'string' } } },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
});

interface CronTab {
  metadata: { generation: number; managedFields?: unknown[] };
  spec: { cronSpec: string; image?: string; replicas: number; ports?: { name: string; port: number }[] };
  status?: { replicas?: number };
}

for (const version of KUBECTL_VERSIONS)
  describe(`custom resources with kubectl ${version}`, () => {
    const group = `v${version.replace('.', '')}.example.com`;
    const { run, fails, json, try: attempt } = kubectlSession(cluster, version, namespaceFor('custom', version));
    const cronTab = (spec: object, name = 'mine') => ({ apiVersion: `${group}/v1`, kind: 'CronTab', metadata: { name }, spec });
    const resource = `crontabs.${group}`;

    before(async () => {
      await run(`create namespace ${namespaceFor('custom', version)}`);
    });

    test('a definition is established, discovered and explained', async () => {
      assert.match(await run('apply -f -', definition(group)), /created/);
      await run(`wait --for condition=Established crd/${resource}`);
      assert.match(await run(`api-resources --api-group ${group}`), /crontabs +ct +.*CronTab/);
      assert.match(await run(`get crd ${resource}`), /NAME +CREATED AT/);
      const explained = await run(`explain crontabs.spec --api-version ${group}/v1`);
      assert.match(explained, /What is wanted\./);
      assert.match(explained, /cronSpec\s+<string>\s+(-required-\s+)?When it runs\./);
      assert.match(await run(`explain crontabs --api-version ${group}/v1 --recursive`), /ports\s+<\[\]Object>/);
    });

    test('objects are made, defaulted, shown in columns, changed and scaled', async () => {
      await run('create -f -', cronTab({ cronSpec: '* * * * */5', image: 'busy' }));
      assert.match(await run(`get ${resource}`), /NAME +SPEC +REPLICAS +READY\nmine +\* \* \* \* \*\/5 +1 +\n/);
      assert.match(await run(`get ${resource} -o wide`), /IMAGE\n.*busy\n/);
      assert.match(await run('get all'), /crontab\..*\/mine/);
      assert.equal((await json<CronTab>(`get ${resource} mine`)).spec.replicas, 1);
      await run(['patch', resource, 'mine', '--type=merge', '-p', '{"spec":{"image":"other"}}']);
      await run([
        'patch',
        resource,
        'mine',
        '--type=json',
        '-p',
        '[{"op":"replace","path":"/spec/cronSpec","value":"5 * * * *"}]',
      ]);
      const changed = await json<CronTab>(`get ${resource} mine`);
      assert.deepEqual([changed.spec.image, changed.spec.cronSpec, changed.metadata.generation], ['other', '5 * * * *', 3]);
      assert.match(await run(`scale ${resource} mine --replicas 4`), /scaled/);
      assert.equal((await json<CronTab>(`get ${resource} mine`)).spec.replicas, 4);
      assert.match(await run(`get ${resource} --field-selector spec.image=other -o name`), /mine/);
      assert.equal(await run(`get ${resource} --field-selector spec.image=busy -o name`), '');
      await run(`label ${resource} mine app=x`);
      assert.match(await run(`describe ${resource} mine`), /Cron Spec: +5 \* \* \* \*/);
    });

    test('objects that break the schema or a rule are refused in words that tell where', async () => {
      const refuse = async (spec: object) => fails('create -f - --validate=false', cronTab(spec, 'bad'));
      assert.match(await refuse({ image: 'x' }), /spec\.cronSpec: Required value/);
      assert.match(await refuse({ cronSpec: 'now' }), /spec\.cronSpec in body should match/);
      assert.match(
        await refuse({ cronSpec: '* * * * *', replicas: 50 }),
        /spec\.replicas in body should be less than or equal to 10/,
      );
      assert.match(
        await refuse({ cronSpec: '* * * * *', replicas: 5, maxReplicas: 2 }),
        /spec: Invalid value: replicas must not exceed maxReplicas/,
      );
      assert.match(
        await refuse({ cronSpec: '* * * * *', ports: [{ name: 'a' }, { name: 'a' }] }),
        /spec\.ports\[1\]: Duplicate value: \{"name":"a"\}/,
      );
      const unknown = await attempt('create -f -', cronTab({ cronSpec: '* * * * *', imagee: 'x' }, 'unknown'));
      assert.notEqual(unknown.status, 0);
      assert.match(unknown.stderr, /unknown field "(spec\.)?imagee"/);
    });

    test('apply, server-side apply and deletion work as for built-in kinds', async () => {
      assert.match(await run('apply -f -', cronTab({ cronSpec: '1 * * * *', image: 'a' }, 'applied')), /created/);
      assert.match(await run('apply -f -', cronTab({ cronSpec: '1 * * * *', image: 'b' }, 'applied')), /configured/);
      const onServer = (ports: object[], manager: string) =>
        attempt(
          ['apply', '--server-side', `--field-manager=${manager}`, '-f', '-'],
          cronTab({ cronSpec: '1 * * * *', ports }, 'shared'),
        );
      assert.equal((await onServer([{ name: 'a', port: 1 }], 'one')).status, 0);
      assert.equal((await onServer([{ name: 'b', port: 2 }], 'two')).status, 0);
      const { spec } = await json<CronTab>(`get ${resource} shared`);
      assert.deepEqual(
        spec.ports?.map(({ name }) => name),
        ['a', 'b'],
      );
      const conflict = await onServer([{ name: 'a', port: 9 }], 'two');
      assert.match(conflict.stderr, /conflict with "one".*: \.spec\.ports\[name="a"\]\.port/);
      assert.match(await run(`delete ${resource} shared`), /deleted/);
      assert.match(await run(`delete ${resource} --all`), /deleted/);
    });

    test('a definition takes its objects along when it is deleted', async () => {
      await run('create -f -', cronTab({ cronSpec: '* * * * *' }, 'last'));
      assert.match(await run(`delete crd ${resource}`), /deleted/);
      assert.match(await fails(`get ${resource}`), /(doesn't have a resource type|could not find the requested resource)/);
      await run('apply -f -', definition(group));
      await run(`wait --for condition=Established crd/${resource}`);
      const left = await until('the kind is served again', async () => {
        const answer = await attempt(`get ${resource} -o name`);
        return answer.status === 0 ? answer.stdout : undefined;
      });
      assert.equal(left, '');
    });
  });

test('definitions and their objects are there after the cluster was killed', async () => {
  await using home = await musterHome();
  const { pid } = await home.up('--nodes', '0');
  const client = kubectl('1.35', home.kubeconfig, home.path);
  const group = 'kept.example.com';
  await client.run('apply -f -', { input: JSON.stringify(definition(group)) });
  await client.run(`wait --for condition=Established crd/crontabs.${group}`);
  const object = { apiVersion: `${group}/v1`, kind: 'CronTab', metadata: { name: 'kept' }, spec: { cronSpec: '* * * * *' } };
  await client.run('create -f -', { input: JSON.stringify(object) });
  process.kill(pid, 'SIGKILL');
  await home.up();
  const kept = await client.json<CronTab>(`get crontabs.${group} kept`);
  assert.deepEqual([kept.spec.cronSpec, kept.spec.replicas], ['* * * * *', 1]);
  assert.match(await client.run(`delete crontabs.${group} kept`), /deleted/);
});

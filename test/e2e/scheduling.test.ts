/** Where pods go and why they do not, on hollow nodes with a real kubectl. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { V1Node, V1Pod, V1ResourceQuota } from '../../src/api/gen/types.ts';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { until } from '../harness/until.ts';
import { kubectlSession, namespaceFor } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '3');

interface Events {
  items: { reason?: string; message?: string; involvedObject: { name?: string }; type?: string }[];
}

for (const version of KUBECTL_VERSIONS)
  describe(`scheduling, seen with kubectl ${version}`, () => {
    const namespace = namespaceFor('scheduling', version);
    const { run, json } = kubectlSession(cluster, version, namespace);
    const container = (requests: object = {}) => ({ name: 'c', image: 'busybox', resources: { requests } });
    const pod = (name: string, spec: object = {}, labels: object = {}) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels },
      spec: { containers: [container()], terminationGracePeriodSeconds: 0, ...spec },
    });
    const apply = (...objects: object[]) => run('apply -f -', { apiVersion: 'v1', kind: 'List', items: objects });
    const read = (name: string) => json<V1Pod>(`get pod ${name}`);
    const condition = async (name: string) => (await read(name)).status?.conditions?.find(({ type }) => type === 'PodScheduled');
    const isPlaced = (name: string) => until(`${name} has a node`, async () => (await read(name)).spec?.nodeName);
    const isRefused = (name: string, message: RegExp) =>
      until(`${name} is refused as ${message}`, async () => {
        const said = await condition(name);
        return said?.status === 'False' && said.reason === 'Unschedulable' && message.test(said.message ?? '');
      });
    /** Only one of the nodes will do, so that there is no room elsewhere. */
    const only = { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } };

    test('what fits nowhere says why, in its condition and as an event', async () => {
      await run(`create namespace ${namespace}`);
      await apply(pod('huge', { containers: [container({ cpu: '1M' })] }), pod('elsewhere', { nodeSelector: { disk: 'none' } }));
      const words =
        '0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.';
      await until('huge says why', async () => (await condition('huge'))?.message === words);
      await isRefused(
        'elsewhere',
        /^0\/3 nodes are available: 3 node\(s\) didn't match Pod's node affinity\/selector\. preemption: /,
      );
      await until('an event says it', async () => {
        const { items } = await json<Events>('get events');
        return items.some(
          ({ reason, message, involvedObject }) =>
            reason === 'FailedScheduling' && message === words && involvedObject.name === 'huge',
        );
      });
      assert.match(await run('get pod huge'), /Pending/);
      await run('delete pod huge elsewhere');
    });

    test('a gated pod waits until its gates are gone', async () => {
      await apply(pod('gated', { schedulingGates: [{ name: 'example.com/wait' }] }));
      assert.match(await run('get pod gated'), /SchedulingGated/);
      await run(['patch', 'pod', 'gated', '--type=json', '-p', '[{"op":"remove","path":"/spec/schedulingGates"}]']);
      await isPlaced('gated');
      await run('delete pod gated');
    });

    test('pods that want to be apart are, and one too many waits until another goes', async () => {
      const labels = { app: 'apart' };
      const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } };
      const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
      await apply(...[1, 2, 3].map((i) => pod(`apart-${i}`, { affinity }, labels)));
      const nodes = [];
      for (const i of [1, 2, 3]) {
        await isPlaced(`apart-${i}`);
        nodes.push((await read(`apart-${i}`)).spec?.nodeName);
      }
      assert.equal(new Set(nodes).size, 3);
      await apply(pod('apart-4', { affinity }, labels));
      await isRefused('apart-4', /3 node\(s\) didn't match pod anti-affinity rules/);
      await run('delete pod apart-2');
      await isPlaced('apart-4');
      assert.equal((await read('apart-4')).spec?.nodeName, nodes[1]);
      await run('delete pod apart-1 apart-3 apart-4');
    });

    test('pods are spread evenly, hard', async () => {
      const labels = { app: 'spread' };
      const topologySpreadConstraints = [
        {
          topologyKey: 'kubernetes.io/hostname',
          maxSkew: 1,
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: labels },
        },
      ];
      const names = [1, 2, 3, 4, 5, 6].map((i) => `spread-${i}`);
      await apply(...names.map((name) => pod(name, { topologySpreadConstraints }, labels)));
      for (const name of names) await isPlaced(name);
      const placed = await json<{ items: V1Pod[] }>('get pods -l app=spread');
      const counts = Map.groupBy(placed.items, ({ spec }) => spec?.nodeName).values();
      assert.deepEqual(
        [...counts].map((pods) => pods.length),
        [2, 2, 2],
      );
      await run('delete pod -l app=spread');
    });

    test('an important pod takes the place of another, which is told why', async () => {
      const important = `important-${namespace}`;
      await apply({ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: important }, value: 1000 });
      const { status } = await json<V1Node>('get node node-1');
      const cores = Number.parseInt(String(status?.allocatable?.['cpu']), 10);
      const half = { cpu: `${cores * 600}m` };
      await apply(pod('meek', { ...only, containers: [container(half)], terminationGracePeriodSeconds: 30 }));
      await isPlaced('meek');
      await apply(pod('modest', { ...only, containers: [container(half)] }));
      await isRefused(
        'modest',
        /1 Insufficient cpu, .*preemption: 0\/3 nodes are available: 1 No preemption victims found for incoming pod/,
      );
      await apply(pod('bold', { ...only, containers: [container(half)], priorityClassName: important }));
      await isPlaced('bold');
      const { uid } = (await read('bold')).metadata!;
      const { items } = await json<Events>('get events');
      const told = items.find(({ reason }) => reason === 'Preempted');
      assert.deepEqual(
        [told?.involvedObject.name, told?.type, told?.message],
        ['meek', 'Normal', `Preempted by pod ${uid} on node node-1`],
      );
      assert.equal((await cluster.current.kubectl(version).try(`-n ${namespace} get pod meek`)).status, 1);
      await run('delete pod bold modest');
    });

    test('a claim that is missing is named, and one that waits for its pod gets a volume where the pod goes', async () => {
      const late = `late-${namespace}`;
      const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
      await apply(pod('stateful', { volumes }));
      await isRefused(
        'stateful',
        /^0\/3 nodes are available: persistentvolumeclaim "data" not found\. preemption: 0\/3 nodes are available: 3 Preemption is not helpful/,
      );
      await apply(
        {
          apiVersion: 'storage.k8s.io/v1',
          kind: 'StorageClass',
          metadata: { name: late },
          provisioner: 'kubernetes.io/no-provisioner',
          volumeBindingMode: 'WaitForFirstConsumer',
        },
        {
          apiVersion: 'v1',
          kind: 'PersistentVolume',
          metadata: { name: late },
          spec: {
            storageClassName: late,
            capacity: { storage: '1Gi' },
            accessModes: ['ReadWriteOnce'],
            local: { path: '/tmp' },
            nodeAffinity: {
              required: {
                nodeSelectorTerms: [
                  { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-3'] }] },
                ],
              },
            },
          },
        },
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name: 'data' },
          spec: { storageClassName: late, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      );
      await isPlaced('stateful');
      assert.equal((await read('stateful')).spec?.nodeName, 'node-3');
      assert.match(await run('get pvc data'), new RegExp(`Bound +${late} `));
      await run('delete pod stateful');
    });

    test('devices are claimed by a template, allotted with the node, given back when their pod has gone, and taken away when they break', async () => {
      const group = { apiVersion: 'resource.k8s.io/v1' };
      const driver = `${namespace}.example.com`;
      const requests = [{ name: 'gpu', exactly: { deviceClassName: namespace } }];
      const claiming = { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'one' }] };
      await apply(
        {
          ...{ ...group, kind: 'DeviceClass', metadata: { name: namespace } },
          spec: { selectors: [{ cel: { expression: `device.driver == "${driver}"` } }] },
        },
        {
          ...{ ...group, kind: 'ResourceSlice', metadata: { name: namespace } },
          spec: {
            ...{ driver, nodeName: 'node-2', devices: [{ name: 'gpu-0' }] },
            pool: { name: 'node-2', generation: 1, resourceSliceCount: 1 },
          },
        },
        { ...group, kind: 'ResourceClaimTemplate', metadata: { name: 'one' }, spec: { spec: { devices: { requests } } } },
        pod('first', claiming),
      );
      await isPlaced('first');
      const { spec, status } = await read('first');
      assert.equal(spec?.nodeName, 'node-2');
      const claim = status?.resourceClaimStatuses?.[0]?.resourceClaimName;
      assert.match(claim ?? '', /^first-gpu-/);
      assert.match(await run(`get resourceclaim ${claim}`), /allocated,reserved/);
      await apply(pod('second', claiming));
      await isRefused('second', /^0\/3 nodes are available: 3 cannot allocate all claims\. still not schedulable, preemption: /);
      await run('delete pod first');
      await isPlaced('second');
      await run('delete pod second');
      const gpu = `${namespace}.example.com/gpu`;
      await run(`patch deviceclass ${namespace} --type=merge -p {"spec":{"extendedResourceName":"${gpu}"}}`);
      await run(`create quota gpus --hard=requests.${gpu}=1,${namespace}.deviceclass.resource.k8s.io/devices=1`);
      const asking = (name: string) => pod(name, { containers: [{ ...container(), resources: { limits: { [gpu]: '1' } } }] });
      await until('the quota counts', async () => (await json<V1ResourceQuota>('get quota gpus')).status?.used);
      await apply(asking('third'));
      await until('third runs', async () => (await read('third')).status?.phase === 'Running');
      const third = await read('third');
      const { resourceClaimName = '', requestMappings } = third.status?.extendedResourceClaimStatus ?? {};
      assert.deepEqual(requestMappings, [{ containerName: 'c', requestName: 'container-0-request-0', resourceName: gpu }]);
      assert.match(await run(`get resourceclaim ${resourceClaimName}`), /^third-extended-resources-\S+ +allocated,reserved/m);
      const used = async () => (await json<V1ResourceQuota>('get quota gpus')).status?.used;
      const once = { [`${namespace}.deviceclass.resource.k8s.io/devices`]: '1', [`requests.${gpu}`]: '1' };
      await until('pod and claim are counted once', async () => isDeepStrictEqual(await used(), once));
      await assert.rejects(apply(asking('fourth')), /exceeded quota: gpus, requested: requests\.\S+=1, used/);
      await run('delete quota gpus');
      await apply(asking('fourth'));
      await isRefused('fourth', /^0\/3 nodes are available: 3 cannot allocate all claims\./);
      await run('delete pod third');
      await until('fourth has the device', async () => (await read('fourth')).status?.phase === 'Running');
      await run('delete pod fourth');
      await apply(pod('second', claiming));
      await isPlaced('second');
      const broken = '{"op":"add","path":"/spec/devices/0/taints","value":[{"key":"broken","effect":"NoExecute"}]}';
      await run(['patch', 'resourceslice', namespace, '--type=json', '-p', `[${broken}]`]);
      await until('who has the broken device is gone', async () => !/second/.test(await run('get pods -o name')));
      await until('no claim is left', async () => (await json<{ items: unknown[] }>('get resourceclaims')).items.length === 0);
      await run(`delete deviceclass/${namespace} resourceslice/${namespace}`);
    });

    test('a device is shared by its capacity, and who has a part of it is bound when its driver has made it ready', async () => {
      const group = { apiVersion: 'resource.k8s.io/v1' };
      const driver = `net.${namespace}.example.com`;
      const nic = {
        ...{ name: 'nic', allowMultipleAllocations: true, capacity: { bandwidth: { value: '10Gi' } } },
        ...{ bindingConditions: ['Attached'], bindingFailureConditions: ['Broken'] },
      };
      const claim = (name: string, bandwidth: string) => ({
        ...{ ...group, kind: 'ResourceClaim', metadata: { name } },
        spec: {
          devices: {
            requests: [{ name: 'net', exactly: { deviceClassName: `net-${namespace}`, capacity: { requests: { bandwidth } } } }],
          },
        },
      });
      const claiming = (name: string) => pod(name, { resourceClaims: [{ name: 'net', resourceClaimName: name }] });
      await apply(
        {
          ...{ ...group, kind: 'DeviceClass', metadata: { name: `net-${namespace}` } },
          spec: { selectors: [{ cel: { expression: `device.driver == "${driver}" && device.allowMultipleAllocations` } }] },
        },
        {
          ...{ ...group, kind: 'ResourceSlice', metadata: { name: `net-${namespace}` } },
          spec: { driver, nodeName: 'node-2', devices: [nic], pool: { name: 'nics', generation: 1, resourceSliceCount: 1 } },
        },
        ...[claim('most', '6Gi'), claim('more', '5Gi'), claiming('most')],
      );
      const attach = async (name: string) => {
        type Claim = { status?: { allocation?: { devices?: { results?: { shareID?: string }[] } } } };
        const path = `/apis/resource.k8s.io/v1/namespaces/${namespace}/resourceclaims/${name}`;
        const allocated = await until(`${name} has its part`, async () => {
          const found = JSON.parse(await run(`get --raw ${path}`)) as Claim;
          return found.status?.allocation && found;
        });
        const { shareID } = allocated.status!.allocation!.devices!.results![0]!;
        const lastTransitionTime = new Date().toISOString().replace(/\.\d+/, '');
        const conditions = [{ type: 'Attached', status: 'True', reason: 'Up', message: '', lastTransitionTime }];
        const devices = [{ driver, pool: 'nics', device: 'nic', shareID, conditions }];
        await run(`replace --raw ${path}/status -f -`, { ...allocated, status: { ...allocated.status, devices } });
      };
      await until('most waits for its device', async () => (await read('most')).status?.nominatedNodeName === 'node-2');
      assert.equal((await read('most')).spec?.nodeName, undefined);
      await attach('most');
      await isPlaced('most');
      assert.equal((await read('most')).status?.nominatedNodeName, undefined);
      await apply(claiming('more'));
      await isRefused('more', /3 cannot allocate all claims/);
      await run('delete pod most');
      await attach('more');
      await isPlaced('more');
      const { items } = await json<Events>('get events');
      const message = 'waiting for binding conditions for device on node node-2';
      assert.ok(items.some((event) => event.reason === 'BindingConditionsPending' && event.message === message));
      await run(`delete pod/more deviceclass/net-${namespace} resourceslice/net-${namespace}`);
    });
  });

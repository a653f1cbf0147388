import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1PodSpec } from '../api/gen/types.ts';
import { ClusterState } from './cluster-state.ts';
import { decideInSteps } from './decide.ts';
import { nodesToFind } from './framework/filter-nodes.ts';
import { imageLocality } from './plugins/image-locality.ts';
import { asking, cluster, contextOf, inZone, node, place, pod, scoresOf } from './scheduling.test-support.ts';

const NONE = /^0\/\d+ nodes are available: /;

test('a pod goes where most cpu and memory stay free', () => {
  const state = cluster([node('full'), node('free')], [pod(asking('1500m'), 'full')]);
  assert.equal(place(state, pod(asking('100m'))), 'free');
});

test('a pod that fits nowhere is told why, node by node, as upstream says it', () => {
  const state = cluster([
    node('small'),
    node('tainted', { spec: { taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] } }),
    node('cordoned', { spec: { unschedulable: true } }),
  ]);
  assert.equal(
    place(state, pod(asking('3'))),
    '0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.',
  );
  assert.equal(place(cluster([]), pod()), 'no nodes available to schedule pods');
});

test('a toleration opens a tainted node, and only for its effect', () => {
  const taints = [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }];
  const state = cluster([node('tainted', { spec: { taints } })]);
  const tolerating = (effect?: string) => pod({ tolerations: [{ key: 'dedicated', operator: 'Exists', effect }] });
  assert.equal(place(state, tolerating()), 'tainted');
  assert.match(place(state, tolerating('NoExecute')), NONE);
});

test('a node selector and required affinity must both hold', () => {
  const state = cluster([
    node('a', { metadata: { name: 'a', labels: { disk: 'ssd', size: '5' } } }),
    node('b', { metadata: { name: 'b', labels: { disk: 'ssd', size: '50' } } }),
  ]);
  const larger = { key: 'size', operator: 'Gt', values: ['9'] };
  const affinity = {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [larger] }] } },
  };
  assert.equal(place(state, pod({ nodeSelector: { disk: 'ssd' }, affinity })), 'b');
  assert.equal(
    place(state, pod({ nodeSelector: { disk: 'hdd' }, affinity })),
    "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
  );
});

test('a host port is given once for each protocol and address', () => {
  const wanting = (protocol: string) => ({ containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80, protocol }] }] });
  const state = cluster([node('only')], [pod(wanting('TCP'), 'only')]);
  assert.match(place(state, pod(wanting('TCP'))), NONE);
  assert.equal(place(state, pod(wanting('UDP'))), 'only');
});

const addresses: [string | undefined, string | undefined, boolean][] = [
  ['10.0.0.1', '10.0.0.1', false],
  ['10.0.0.1', '127.0.0.1', true],
  ['10.0.0.1', undefined, false],
  [undefined, '127.0.0.1', false],
  ['0.0.0.0', '127.0.0.1', false],
];
for (const [used, wanted, fits] of addresses)
  test(`a host port on ${used ?? 'every address'} ${fits ? 'leaves room for' : 'is in the way of'} one on ${wanted ?? 'every address'}`, () => {
    const on = (hostIP: string | undefined): Partial<V1PodSpec> => ({
      containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80, ...(hostIP && { hostIP }) }] }],
    });
    const state = cluster([node('only')], [pod(on(used), 'only')]);
    assert.equal(place(state, pod(on(wanted))) === 'only', fits);
  });

test('a pod that names its node fits no other, and a cordoned one takes who tolerates that', () => {
  const state = cluster([node('a'), node('b', { spec: { unschedulable: true } })]);
  assert.equal(place(state, pod({ nodeName: 'a' })), 'a');
  assert.equal(
    place(state, pod({ nodeName: 'c' })),
    "0/2 nodes are available: 1 node(s) didn't match the requested node name, 1 node(s) were unschedulable.",
  );
  const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }];
  assert.equal(place(state, pod({ tolerations, nodeName: 'b' })), 'b');
});

const restartAll = {
  name: 'c',
  restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
};
for (const [title, spec, feature] of [
  ['restarts all with a container', { containers: [restartAll] }, 'RestartAllContainersOnContainerExits'],
  [
    'restarts all with an init container',
    { containers: [{ name: 'm' }], initContainers: [restartAll] },
    'RestartAllContainersOnContainerExits',
  ],
  ['has users of its own on the host network', { hostNetwork: true, hostUsers: false }, 'UserNamespacesHostNetworkSupport'],
] satisfies [string, Partial<V1PodSpec>, string][])
  test(`a pod that ${title} goes only where the node declares that it can`, () => {
    const { allocatable } = node('a').status!;
    const state = cluster([node('old'), node('other', { status: { allocatable, declaredFeatures: ['Another'] } })]);
    assert.equal(place(state, pod(spec)), "0/2 nodes are available: 2 node(s) didn't match Pod's required features.");
    state.setNode(node('able', { status: { allocatable, declaredFeatures: ['Another', feature] } }));
    assert.equal(place(state, pod(spec)), 'able');
  });

test('a pod whose rules restart one container, or with one of the two, asks nothing of its node', () => {
  const state = cluster([node('old')]);
  const one = { ...restartAll, restartPolicyRules: [{ ...restartAll.restartPolicyRules[0]!, action: 'Restart' }] };
  assert.equal(place(state, pod({ containers: [one], hostNetwork: true })), 'old');
  assert.equal(place(state, pod({ hostUsers: false })), 'old');
});

test('room comes back when a pod goes, ends, or its node is announced after it', () => {
  const holder = pod(asking('2'), 'late');
  const state = new ClusterState();
  state.setPod(holder);
  state.setNode(node('late'));
  assert.match(place(state, pod(asking('1'))), NONE);
  state.setPod({ ...holder, status: { phase: 'Succeeded' } });
  assert.equal(place(state, pod(asking('1'))), 'late');
  state.setPod(holder);
  state.removePod(holder.metadata!.uid!);
  assert.equal(state.nodes()[0]?.requested.cpu, 0);
});

test('init containers count by their peak, sidecars all the time', () => {
  const one = (cpu: string) => ({ resources: { requests: { cpu } } });
  const state = cluster([node('two-cpus')]);
  const spec = (main: string, sidecar: string, init: string): Partial<V1PodSpec> => ({
    containers: [{ name: 'main', ...one(main) }],
    initContainers: [
      { name: 'sidecar', restartPolicy: 'Always', ...one(sidecar) },
      { name: 'init', ...one(init) },
    ],
  });
  assert.equal(place(state, pod(spec('1', '1', '1'))), 'two-cpus');
  assert.match(place(state, pod(spec('1', '1500m', '0'))), NONE);
  assert.match(place(state, pod(spec('500m', '1', '1100m'))), NONE);
});

test('pods with a node named in each term of their affinity look at no other', () => {
  const named = (name: string) => ({ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] });
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [named('a')] } } };
  const state = cluster([node('a'), node('b'), node('c')]);
  assert.equal(place(state, pod({ affinity })), 'a');
  assert.equal(
    place(state, pod(asking('9', { affinity }))),
    "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
  );
});

test('a pod whose terms name no node together goes nowhere', () => {
  const named = (...names: string[]) => ({ key: 'metadata.name', operator: 'In', values: names });
  const required = (matchFields: ReturnType<typeof named>[]) => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] } } },
  });
  const state = cluster([node('a'), node('b')]);
  assert.equal(place(state, pod(required([named('a'), named('b')]))), '0/2 nodes are available: pod affinity terms conflict.');
  assert.equal(place(state, pod(required([named('a', 'b'), named('b')]))), 'b');
});

const sizes: [string, string, string, boolean][] = [
  ['Gt', '9', '10', true],
  ['Gt', '+9', '10', true],
  ['Lt', '9', '-10', true],
  ['Lt', '9', '007', true],
  ['Gt', '9', '9', false],
  ['Gt', '9', 'x', false],
  ['Gt', '9', '99999999999999999999', false],
  ['Lt', '99999999999999999999', '9', false],
];
for (const [operator, bound, value, fits] of sizes)
  test(`labels are compared as whole numbers of 64 bits: ${value} ${operator} ${bound} is ${fits}`, () => {
    const expression = { key: 'size', operator, values: [bound] };
    const nodeSelectorTerms = [{ matchExpressions: [expression] }];
    const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
    const state = cluster([node('a', { metadata: { name: 'a', labels: { size: value } } })]);
    assert.equal(place(state, pod({ affinity })) === 'a', fits);
  });

test('of many nodes only some are looked at, at least a hundred', () => {
  const cases: [number, number, number][] = [
    [50, 0, 50],
    [1000, 0, 420],
    [1000, 70, 700],
    [1000, 5, 100],
    [10_000, 0, 500],
    [200, 100, 200],
  ];
  for (const [nodes, percentage, wanted] of cases) assert.equal(nodesToFind(nodes, percentage), wanted);
});

test('nodes come zone by zone in turn', () => {
  const state = cluster([inZone('a1', 'a'), inZone('a2', 'a'), inZone('a3', 'a'), inZone('b1', 'b')]);
  assert.deepEqual(
    state.nodes().map(({ name }) => name),
    ['a1', 'b1', 'a2', 'a3'],
  );
});

test('images that lie there already draw a pod, the larger the more', () => {
  const images = [{ names: ['registry.example/app:latest'], sizeBytes: 900 * 1024 * 1024 }];
  const state = cluster([node('without'), node('with', { status: { ...node('with').status, images } })]);
  assert.equal(place(state, pod({ containers: [{ name: 'c', image: 'registry.example/app' }] })), 'with');
});

test('images weigh by their size and by how many nodes have them, those of volumes, too', () => {
  const mib = 1024 * 1024;
  const having = (name: string, ...images: [string, number][]) =>
    node(name, {
      status: { ...node(name).status, images: images.map(([image, size]) => ({ names: [image], sizeBytes: size * mib })) },
    });
  const state = cluster([
    having('a', ['app:1', 1000]),
    having('b', ['app:1', 1000], ['data:latest', 2000]),
    node('c'),
    node('d'),
  ]);
  const scores = (spec: Partial<V1PodSpec>) => scoresOf(imageLocality, state, pod(spec));
  const containers = [{ name: 'c', image: 'app:1' }];
  // Half of 1000 MiB is 500: (500 - 23) of (1000 - 23), and for two images of (2000 - 23).
  assert.deepEqual(scores({ containers }), { a: 48, b: 48, c: 0, d: 0 });
  const volumes = [{ name: 'v', image: { reference: 'data' } }];
  assert.deepEqual(scores({ containers, volumes }), { a: 24, b: 49, c: 0, d: 0 });
  assert.deepEqual(scores({ containers, initContainers: [{ name: 'i', image: 'data' }] }), { a: 24, b: 49, c: 0, d: 0 });
  assert.equal(scores({ containers: [{ name: 'c', image: 'unknown' }] }), undefined);
});

test('no node ever gets more than it has, whatever the pods', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ cpu: fc.integer({ min: 0, max: 1500 }), memory: fc.integer({ min: 0, max: 3000 }) }), {
        maxLength: 40,
      }),
      fc.integer({ min: 1, max: 5 }),
      (wanted, count) => {
        const nodes = Array.from({ length: count }, (_, i) => node(`n${i}`));
        const state = cluster(nodes);
        for (const { cpu, memory } of wanted) {
          const requests = { cpu: `${cpu}m`, memory: `${memory}Mi` };
          const each = pod({ containers: [{ name: 'c', resources: { requests } }] });
          const chosen = place(state, each);
          if (state.node(chosen)) state.setPod({ ...each, spec: { ...each.spec!, nodeName: chosen } });
          else
            assert.ok(
              state
                .nodes()
                .every((one) => 2000 - one.requested.cpu < cpu || 4 * 2 ** 30 - one.requested.memory < memory * 2 ** 20),
            );
        }
        for (const one of state.nodes()) {
          assert.ok(one.requested.cpu <= 2000 && one.requested.memory <= 4 * 2 ** 30, one.name);
        }
      },
    ),
  );
});

test('the same cluster gives the same node to the same pod, but for equals', () => {
  const state = cluster([node('a'), node('b'), node('c')], [pod(asking('1'), 'a'), pod(asking('500m'), 'b')]);
  for (const random of [0, 0.3, 0.99]) assert.equal(place(state, pod(asking('100m')), { random: () => random }), 'c');
  const equal = cluster([node('a'), node('b'), node('c')]);
  const seen = new Set([0, 0.4, 0.99].map((random) => place(equal, pod(), { random: () => random })));
  assert.ok(seen.size > 1, [...seen].join());
});

test('a pod of thousands of terms among thousands of pods is decided on in steps', () => {
  const labels = { app: 'a' };
  const nodes = Array.from({ length: 50 }, (_, i) =>
    node(`n${i}`, { status: { allocatable: { cpu: '9', memory: '9Gi', pods: '999' } } }),
  );
  const others = Array.from({ length: 2_000 }, (_, i) => pod({}, `n${i % 50}`, i % 50 === 7 ? {} : labels));
  const state = cluster(nodes, others);
  const away = (app: string) => ({ labelSelector: { matchLabels: { app } }, topologyKey: 'kubernetes.io/hostname' });
  const terms = Array.from({ length: 600 }, (_, i) => away(i === 599 ? 'a' : `x${i}`));
  const wanted = pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } } });
  const steps = decideInSteps(contextOf(state, wanted));
  let pauses = 0;
  for (;;) {
    const { done, value } = steps.next();
    if (!done) {
      pauses++;
      continue;
    }
    assert.equal('node' in value && value.node.name, 'n7');
    break;
  }
  assert.ok(pauses > 1000, `${pauses} pauses`);
});

test('constraints whose labels no node has all of let the pod go nowhere, however many they are', () => {
  const constraints = Array.from({ length: 5_000 }, (_, i) => ({
    ...{ topologyKey: i === 0 ? 'kubernetes.io/hostname' : `example.com/k${i}`, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' },
    labelSelector: { matchLabels: { app: `a${i}` } },
  }));
  const state = cluster(
    [node('a'), node('b')],
    Array.from({ length: 100 }, (_, i) => pod({}, 'a', { app: `a${i}` })),
  );
  assert.equal(
    place(state, pod({ topologySpreadConstraints: constraints })),
    "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints (missing required label).",
  );
  const soft = constraints.map((one) => ({ ...one, whenUnsatisfiable: 'ScheduleAnyway' }));
  assert.match(place(state, pod({ topologySpreadConstraints: soft })), /^[ab]$/);
});

/** What fields of a pod say together: its resources as a whole, its name, its variables from files, its claims. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { podKind } from './pod.ts';

const pods = specimensOf(podKind);
const c = { name: 'c', image: 'i' };
const complaints = (spec: object, metadata?: object) => pods.complaints({ spec: { containers: [c], ...spec } }, metadata);

test('what a pod has as a whole is enough for its containers, where it says something', () => {
  const container = (resources: object) => ({ containers: [{ ...c, resources }] });
  const cases: readonly (readonly [what: string, spec: object, ...expected: string[]])[] = [
    [
      'less of one than its containers ask for',
      { ...container({ requests: { cpu: '2' } }), resources: { requests: { cpu: '1' } } },
      'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
    ],
    ['nothing of another', { ...container({ requests: { memory: '1Gi' } }), resources: { requests: { cpu: '1' } } }],
    [
      'fewer pages',
      {
        ...container({ limits: { cpu: '1', 'hugepages-2Mi': '4Mi' } }),
        resources: { limits: { cpu: '1', 'hugepages-2Mi': '2Mi' }, requests: { 'hugepages-2Mi': '2Mi' } },
      },
      'spec.resources.requests[hugepages-2Mi]: Invalid value: "2Mi": must be greater than or equal to aggregate container requests of 4Mi',
      'spec.resources.limits[hugepages-2Mi]: Invalid value: "2Mi": must be greater than or equal to aggregate container limits of 4Mi',
      'spec.resources.containers[0][hugepages-2Mi].limits: Invalid value: "4Mi": must be less than or equal to pod limits of 2Mi',
    ],
    [
      'claims',
      { resourceClaims: [{ name: 'a', resourceClaimName: 'b' }], resources: { claims: [{ name: 'a' }] } },
      'spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level',
    ],
    [
      'anything on Windows',
      { os: { name: 'windows' }, resources: { requests: { disks: '1' } } },
      'spec.resources: Forbidden: may not be set for a windows pod',
    ],
  ];
  for (const [what, spec, ...expected] of cases) assert.deepEqual(complaints(spec), expected, what);
});

test('a name for the host is no other way of naming it', () => {
  assert.deepEqual(complaints({ hostnameOverride: 'a.b' }), []);
  assert.deepEqual(complaints({ hostnameOverride: 'a.b', hostNetwork: true, setHostnameAsFQDN: true }), [
    'spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true',
    'spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true',
  ]);
});

test('variables come from files in volumes of the pod', () => {
  const env = (volumeName: string) => [{ name: 'E', valueFrom: { fileKeyRef: { volumeName, path: 'p', key: 'K' } } }];
  const volumes = [
    { name: 'own', emptyDir: {} },
    { name: 'hosts', hostPath: { path: '/' } },
  ];
  const path = (list: string) => `spec.${list}[0].env[0].valueFrom.fileKeyRef.volumeName`;
  assert.deepEqual(complaints({ volumes, containers: [{ ...c, env: env('own') }] }), []);
  assert.deepEqual(
    complaints({
      volumes,
      containers: [{ ...c, env: env('none') }],
      initContainers: [{ ...c, name: 'd', env: env('hosts') }],
    }),
    [
      `${path('initContainers')}: Invalid value: "hosts": referenced volume must be of type emptyDir`,
      `${path('containers')}: Not found: "none"`,
    ],
  );
});

test('a kubelet claims nothing for pods of its own', () => {
  const spec = { nodeName: 'n', resourceClaims: [{ name: 'a', resourceClaimName: 'b' }] };
  assert.deepEqual(complaints(spec), []);
  assert.deepEqual(complaints(spec, { annotations: { 'kubernetes.io/config.mirror': 'x' } }), [
    '[]: Forbidden: static pods do not support resource claims',
  ]);
});

test('a container that runs first is not begun anew for its resources', () => {
  const first = (more: object) => ({
    initContainers: [{ ...c, name: 'd', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }], ...more }],
  });
  assert.deepEqual(complaints(first({ restartPolicy: 'Always' })), []);
  assert.deepEqual(complaints(first({})), [
    'spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to \'RestartContainer\' for non-sidecar initContainers',
  ]);
});

test('keys of labels to spread by are told with their place in the constraint', () => {
  const spread = (more: object) => ({
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'k', whenUnsatisfiable: 'ScheduleAnyway', ...more }],
  });
  const at = 'spec.topologySpreadConstraints[0]';
  assert.deepEqual(complaints(spread({ matchLabelKeys: ['a b'] })), [
    `${at}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
  ]);
  const selector = { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] };
  assert.deepEqual(complaints(spread({ matchLabelKeys: ['a'], labelSelector: selector })), [
    `${at}[0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector`,
  ]);
});

test('a toleration that compares numbers is known and not taken', () => {
  const operatorOf = (operator: string) => complaints({ tolerations: [{ key: 'k', operator, value: '1' }] });
  assert.deepEqual(operatorOf('Gt'), [
    'spec.tolerations[0].operator: Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"',
  ]);
  assert.deepEqual(operatorOf('Ge'), [
    'spec.tolerations[0].operator: Unsupported value: "Ge": supported values: "Equal", "Exists"',
  ]);
});

/** What may change of a pod, and by which of its parts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../gen/types.ts';
import { specimensOf } from '../../test-specimens.ts';
import { podKind } from './pod.ts';

const pods = specimensOf(podKind);
const filled = { imagePullPolicy: 'Always', terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };
const c = { name: 'c', image: 'i', resources: { requests: { cpu: '1', memory: '1Gi' } }, ...filled };
const e = { name: 'e', image: 'i', ...filled };
const running = { state: { running: {} }, name: 'c', ready: true, image: 'i', imageID: '', restartCount: 0 };
/** Against writing the second over a pod made of the first. */
const writing = (part?: string) => (pair: object) => {
  const [made, written] = pair as [Partial<V1Pod>, Partial<V1Pod>];
  const before = pods.created({ spec: { containers: [c], ...made.spec } }, made.metadata);
  if (made.status) before['status'] = { ...(before['status'] as object), ...made.status };
  const after = structuredClone(before) as unknown as Record<string, object>;
  for (const field of ['metadata', 'spec', 'status'] as const) Object.assign(after[field]!, written[field]);
  return pods.refusals(before, after as never, part);
};
const update = writing();
const status = writing('status');
const resize = writing('resize');
const debug = writing('ephemeralcontainers');

test('little of a pod changes', () => {
  const cases: [string, object, ...string[]][] = [
    ['its labels', [{}, { metadata: { labels: { a: 'b' } } }]],
    ['its image', [{}, { spec: { containers: [{ ...c, image: 'j' }] } }]],
    [
      'its image to none',
      [{}, { spec: { containers: [{ ...c, image: '' }] } }],
      'spec.containers[0].image: Required value',
      'spec.containers[0].image: Required value',
    ],
    ['a first deadline', [{}, { spec: { activeDeadlineSeconds: 9 } }]],
    ['an earlier deadline', [{ spec: { activeDeadlineSeconds: 9 } }, { spec: { activeDeadlineSeconds: 5 } }]],
    [
      'a later deadline',
      [{ spec: { activeDeadlineSeconds: 5 } }, { spec: { activeDeadlineSeconds: 9 } }],
      'spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value',
    ],
    [
      'no deadline any more',
      [{ spec: { activeDeadlineSeconds: 5 } }, { spec: { activeDeadlineSeconds: undefined } }],
      'spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value',
    ],
    ['another toleration', [{}, { spec: { tolerations: [{ key: 'k', operator: 'Exists' }] } }]],
    [
      'a toleration less',
      [{ spec: { tolerations: [{ key: 'k', operator: 'Exists' }] } }, { spec: { tolerations: [] } }],
      'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    ],
    [
      'a gate less',
      [{ spec: { schedulingGates: [{ name: 'a' }, { name: 'b' }] } }, { spec: { schedulingGates: [{ name: 'b' }] } }],
    ],
    [
      'a gate more',
      [{ spec: { schedulingGates: [{ name: 'a' }] } }, { spec: { schedulingGates: [{ name: 'a' }, { name: 'b' }] } }],
      "spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'",
    ],
    [
      'a node selector of a gated pod',
      [{ spec: { schedulingGates: [{ name: 'a' }] } }, { spec: { nodeSelector: { zone: 'z' } } }],
    ],
    [
      'another node selector of a gated pod',
      [{ spec: { schedulingGates: [{ name: 'a' }], nodeSelector: { zone: 'y' } } }, { spec: { nodeSelector: { zone: 'z' } } }],
      'spec.nodeSelector: Invalid value: {"zone":"z"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    ],
    [
      'no node selector for a gated pod any more',
      [{ spec: { schedulingGates: [{ name: 'a' }], nodeSelector: { zone: 'y' } } }, { spec: { nodeSelector: undefined } }],
      'spec.nodeSelector: Invalid value: null: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    ],
    [
      'a grace period below zero to one',
      [{ spec: { terminationGracePeriodSeconds: -1 } }, { spec: { terminationGracePeriodSeconds: 1 } }],
    ],
    [
      'a container more',
      [{}, { spec: { containers: [c, { ...c, name: 'd' }] } }],
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ],
    [
      'where it is',
      [{ spec: { nodeName: 'n' } }, { spec: { nodeName: 'm' } }],
      'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n@@ -45,7 +45,7 @@\n  "NodeSelector": null,\n  "ServiceAccountName": "",\n  "AutomountServiceAccountToken": null,\n- "NodeName": "n",\n+ "NodeName": "m",\n  "SecurityContext": {\n   "HostNetwork": false,\n   "HostPID": false,\n',
    ],
    ['its end', [{ metadata: { deletionTimestamp: undefined } }, { metadata: { uid: 'other' } }]],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(update(given), expected, what);
});

test('its status does not go back', () => {
  const cases: [string, object, ...string[]][] = [
    ['on to running', [{}, { status: { phase: 'Running', containerStatuses: [running] } }]],
    ['a container that it has not', [{}, { status: { containerStatuses: [{ ...running, name: 'z' }] } }]],
    [
      'back by a rule about its exit code',
      [
        {
          spec: {
            restartPolicy: 'Never',
            containers: [
              {
                ...c,
                restartPolicy: 'Never',
                restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
              },
            ],
          },
          status: { containerStatuses: [{ ...running, state: { terminated: { exitCode: 42 } } }] },
        },
        { status: { containerStatuses: [running] } },
      ],
    ],
    [
      'back past a rule about another exit code',
      [
        {
          spec: {
            restartPolicy: 'Never',
            containers: [
              {
                ...c,
                restartPolicy: 'Never',
                restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
              },
            ],
          },
          status: { containerStatuses: [{ ...running, state: { terminated: { exitCode: 1 } } }] },
        },
        { status: { containerStatuses: [running] } },
      ],
      'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
    ],
    [
      'back with all containers of the pod',
      [
        {
          spec: {
            restartPolicy: 'Never',
            containers: [
              c,
              {
                ...c,
                name: 'd',
                restartPolicy: 'Never',
                restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
              },
            ],
          },
          status: { containerStatuses: [{ ...running, state: { terminated: { exitCode: 0 } } }] },
        },
        { status: { containerStatuses: [running] } },
      ],
    ],
    [
      'a node for a pod that has one',
      [{ spec: { nodeName: 'n' } }, { status: { nominatedNodeName: 'm' } }],
      'status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node',
    ],
    [
      'a condition that is named badly, of a generation that is none',
      [{}, { status: { observedGeneration: -2, conditions: [{ type: 'a b', status: 'True', observedGeneration: -1 }] } }],
      'status.conditions[0].observedGeneration: Invalid value: -1: must be a non-negative integer',
      "status.conditions[0].Type: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'status.observedGeneration: Invalid value: -2: must be a non-negative integer',
    ],
    [
      'addresses that were let through once',
      [
        { status: { podIPs: [{ ip: '010.0.0.1' }] } },
        { status: { podIP: '010.0.0.1', podIPs: [{ ip: '010.0.0.1' }, { ip: 'fd00::1' }] } },
      ],
    ],
    [
      'a claim for extended resources without requests',
      [{}, { status: { extendedResourceClaimStatus: { requestMappings: [], resourceClaimName: '' } } }],
      'status.extendedResourceClaimStatus.requestMappings: Required value: at least one request mapping is required',
      'status.extendedResourceClaimStatus.resourceClaimName: Required value',
    ],
    [
      'a claim for what no container asks for',
      [
        {},
        {
          status: {
            extendedResourceClaimStatus: {
              requestMappings: [
                { containerName: 'c', resourceName: 'example.com/gpu', requestName: 'r' },
                { containerName: 'z', resourceName: 'cpu', requestName: 'r' },
                { containerName: 'z', resourceName: 'cpu', requestName: 'r' },
              ],
              resourceClaimName: 'x',
            },
          },
        },
      ],
      'status.extendedResourceClaimStatus.requestMappings[0].resourceName: Invalid value: "example.com/gpu": must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests',
      'status.extendedResourceClaimStatus.requestMappings[1].containerName: Invalid value: "z": must match the name of an entry in spec.initContainers.name or spec.containers.name',
      'status.extendedResourceClaimStatus.requestMappings[2].containerName: Invalid value: "z": must match the name of an entry in spec.initContainers.name or spec.containers.name',
      'status.extendedResourceClaimStatus.requestMappings[2].containerName: Duplicate value: "z"',
      'status.extendedResourceClaimStatus.requestMappings[2].resourceName: Duplicate value: "cpu"',
      'status.extendedResourceClaimStatus.requestMappings[2].requestName: Duplicate value: "r"',
    ],
    [
      'back from the dead',
      [
        {
          spec: { restartPolicy: 'Never' },
          status: { containerStatuses: [{ ...running, state: { terminated: { exitCode: 1 } } }] },
        },
        { status: { containerStatuses: [running] } },
      ],
      'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
    ],
    [
      'another quality',
      [{}, { status: { qosClass: 'Guaranteed' } }],
      'status.qosClass: Invalid value: "Guaranteed": field is immutable',
    ],
    [
      'addresses that are none',
      [{}, { status: { podIP: 'x', podIPs: [{ ip: 'x' }] } }],
      'status.podIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'three addresses',
      [{}, { status: { podIPs: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }, { ip: 'fd00::1' }] } }],
      'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.2"},{"IP":"fd00::1"}]: may specify no more than one IP for each IP family',
    ],
    [
      'a nominated node that is none',
      [{}, { status: { nominatedNodeName: 'UP' } }],
      "status.nominatedNodeName: Invalid value: \"UP\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(status(given), expected, what);
});

test('a resize changes processors and memory', () => {
  const cases: [string, object, ...string[]][] = [
    [
      'more of both',
      [
        { status: { phase: 'Running' } },
        { spec: { containers: [{ ...c, resources: { requests: { cpu: '2', memory: '2Gi' } } }] } },
      ],
    ],
    [
      'another resource',
      [
        {},
        { spec: { containers: [{ ...c, resources: { requests: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi' } } }] } },
      ],
      'spec: Forbidden: only cpu and memory resources are mutable',
    ],
    [
      'nothing any more',
      [{}, { spec: { containers: [{ ...c, resources: {} }] } }],
      'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
      'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
    ],
    [
      'a better quality',
      [
        {},
        {
          spec: {
            containers: [{ ...c, resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } } }],
          },
        },
      ],
      'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
    ],
    [
      'a container more',
      [{}, { spec: { containers: [c, { ...c, name: 'd' }] } }],
      'spec.containers: Forbidden: containers may not be added or removed on resize',
    ],
    [
      'containers in another order',
      [{ spec: { containers: [c, { ...c, name: 'd' }] } }, { spec: { containers: [{ ...c, name: 'd' }, c] } }],
      'spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize',
      'spec.containers[1].name: Forbidden: containers may not be renamed or reordered on resize',
    ],
    [
      'more for a container that runs first',
      [
        { spec: { initContainers: [{ ...c, name: 'first' }] } },
        { spec: { initContainers: [{ ...c, name: 'first', resources: { requests: { cpu: '2', memory: '1Gi' } } }] } },
      ],
    ],
    [
      'something else for a container that runs first',
      [
        { spec: { initContainers: [{ ...c, name: 'first' }] } },
        {
          spec: {
            initContainers: [
              { ...c, name: 'first', resources: { requests: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi' } } },
            ],
          },
        },
      ],
      'spec.initContainers[0]: Forbidden: only cpu and memory resources for init or sidecar containers are mutable',
    ],
    [
      'the resources of the whole pod taken away',
      [{ spec: { resources: { requests: { cpu: '2', memory: '2Gi' } } } }, { spec: { resources: undefined } }],
      'spec.resources: Forbidden: pod-level resources cannot be removed',
    ],
    [
      'a request of the whole pod taken away',
      [{ spec: { resources: { requests: { cpu: '2', memory: '2Gi' } } } }, { spec: { resources: { requests: { cpu: '3' } } } }],
      'spec.resources.requests: Forbidden: pod-level resource requests cannot be removed',
    ],
    [
      'pages of the whole pod',
      [
        { spec: { resources: { requests: { cpu: '2', memory: '2Gi' } } } },
        {
          spec: {
            resources: {
              requests: { cpu: '2', memory: '2Gi', 'hugepages-2Mi': '2Mi' },
              limits: { 'hugepages-2Mi': '2Mi' },
            },
          },
        },
      ],
      'spec: Forbidden: only cpu and memory resources are mutable at pod-level',
    ],
    [
      'a pod of Windows',
      [
        { spec: { os: { name: 'windows' } } },
        { spec: { containers: [{ ...c, resources: { requests: { cpu: '2', memory: '1Gi' } } }] } },
      ],
      '[]: Forbidden: windows pods cannot be resized',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(resize(given), expected, what);
});

test('debug containers come to stay', () => {
  const cases: [string, object, ...string[]][] = [
    ['one', [{}, { spec: { ephemeralContainers: [{ ...e }] } }]],
    [
      'one that is named like another',
      [{}, { spec: { ephemeralContainers: [{ ...e, name: 'c' }] } }],
      'spec.ephemeralContainers[0].name: Duplicate value: "c"',
    ],
    [
      'one with ports and resources',
      [
        {},
        {
          spec: {
            ephemeralContainers: [
              {
                ...e,
                ports: [{ containerPort: 1, protocol: 'TCP' }],
                resources: { limits: { cpu: '1' } },
                livenessProbe: { exec: { command: ['x'] } },
              },
            ],
          },
        },
      ],
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
      'spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container',
      'spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container',
    ],
    [
      'one for a container that is not',
      [{}, { spec: { ephemeralContainers: [{ ...e, targetContainerName: 'z' }] } }],
      'spec.ephemeralContainers[0].targetContainerName: Not found: "z"',
    ],
    [
      'one of a static pod',
      [
        { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } }, spec: { nodeName: 'n' } },
        { spec: { ephemeralContainers: [{ name: 'e', image: 'i' }] } },
      ],
      '[]: Forbidden: static pods do not support ephemeral containers',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(debug(given), expected, what);
});

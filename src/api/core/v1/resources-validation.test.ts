/** Resources of containers and pods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { podKind } from './pod.ts';

const { complaints } = specimensOf(podKind);
const c = { name: 'c', image: 'i' };
const container = (more: object) => complaints({ spec: { containers: [{ ...c, ...more }] } });
const pod = (spec: object) => complaints({ spec: { containers: [c], ...spec } });

test('requests keep to their limits, and to what may be asked for', () => {
  const cases: [string, object, ...string[]][] = [
    [
      'more than the limit',
      { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [
      'below zero',
      { resources: { requests: { memory: '-1' } } },
      'spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      'half a device',
      { resources: { limits: { 'example.com/gpu': '1500m' } } },
      'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "1500m": must be an integer',
      'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "1500m": must be an integer',
    ],
    [
      'a device that is asked for and not limited',
      { resources: { requests: { 'example.com/gpu': '1' } } },
      'spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources',
    ],
    [
      'a device of which more is limited than asked for',
      { resources: { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '2' } } },
      'spec.containers[0].resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2',
    ],
    [
      'an unknown resource',
      { resources: { limits: { speed: '1' } } },
      'spec.containers[0].resources.limits[speed]: Invalid value: "speed": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.limits[speed]: Invalid value: "speed": must be a standard resource for containers',
      'spec.containers[0].resources.requests[speed]: Invalid value: "speed": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.requests[speed]: Invalid value: "speed": must be a standard resource for containers',
    ],
    [
      'huge pages alone',
      { resources: { limits: { 'hugepages-2Mi': '2Mi' } } },
      'spec.containers[0].resources: Forbidden: HugePages require cpu or memory',
    ],
    [
      'huge pages in broken pieces',
      { resources: { limits: { 'hugepages-2Mi': '3Mi', memory: '1Gi' } } },
      'spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
      'spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
    ],
    [
      'storage that is the node’s',
      { resources: { limits: { storage: '1Gi' } } },
      'spec.containers[0].resources.limits[storage]: Invalid value: "storage": must be a standard resource for containers',
      'spec.containers[0].resources.requests[storage]: Invalid value: "storage": must be a standard resource for containers',
    ],
    [
      'claims that the pod has not',
      { resources: { claims: [{ name: 'gpu' }, { name: 'gpu' }] } },
      'spec.containers[0].resources.claims[0]: Not found: "gpu": must be one of the names in pod.spec.resourceClaims which is empty',
      'spec.containers[0].resources.claims[1]: Duplicate value: "gpu"',
      'spec.containers[0].resources.claims[1]: Not found: "gpu": must be one of the names in pod.spec.resourceClaims which is empty',
    ],
    [
      'a resize policy without a known resource',
      {
        resizePolicy: [
          { resourceName: 'disk', restartPolicy: 'NotRequired' },
          { resourceName: 'cpu', restartPolicy: 'Maybe' },
        ],
      },
      'spec.containers[0].resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"',
      'spec.containers[0].resizePolicy: Unsupported value: "Maybe": supported values: "NotRequired", "RestartContainer"',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(container(given), expected, what);
});

test('a pod’s own resources cover its containers’', () => {
  const cases: [string, object, ...string[]][] = [
    [
      'less than the containers ask for',
      { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '2' } } }], resources: { requests: { cpu: '1' } } },
      'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
    ],
    [
      'a resource that pods have not',
      { resources: { limits: { 'ephemeral-storage': '1Gi' } } },
      'spec.resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"',
    ],
    [
      'an overhead below zero',
      { overhead: { cpu: '-1' } },
      'spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      'claims of nothing',
      {
        resourceClaims: [
          { name: 'g' },
          { name: 'G', resourceClaimName: 'x' },
          { name: 'h', resourceClaimName: 'x', resourceClaimTemplateName: 'y' },
        ],
      },
      'spec.resourceClaims[0]: Invalid value: {"Name":"g","ResourceClaimName":null,"ResourceClaimTemplateName":null}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
      "spec.resourceClaims[1].name: Invalid value: \"G\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.resourceClaims[2]: Invalid value: {"Name":"h","ResourceClaimName":"x","ResourceClaimTemplateName":"y"}: at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(pod(given), expected, what);
});

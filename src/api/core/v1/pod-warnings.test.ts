/** What is said in Warning headers of pods that are let through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../gen/types.ts';
import { specimensOf } from '../../test-specimens.ts';
import { podKind } from './pod.ts';

const { warnings } = specimensOf(podKind);
const warned = (pod: object) => {
  const { spec, metadata } = pod as Partial<V1Pod>;
  return warnings({ spec: { containers: [{ name: 'c', image: 'i' }], ...spec } }, metadata);
};

test('a pod is warned of what is old, double or in vain', () => {
  const cases: [string, object, ...string[]][] = [
    ['nothing', {}],
    [
      'variables twice',
      {
        spec: {
          containers: [
            {
              name: 'c',
              image: 'i',
              env: [
                { name: 'A', value: '1' },
                { name: 'A', value: '2' },
              ],
            },
          ],
        },
      },
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ],
    [
      'ports twice',
      { spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }, { containerPort: 80 }] }] } },
      'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
    ],
    [
      'a grace period below zero',
      { spec: { terminationGracePeriodSeconds: -5 } },
      'spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
    ],
    [
      'labels of old nodes',
      { spec: { nodeSelector: { 'beta.kubernetes.io/os': 'linux' } } },
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    ],
    [
      'an old repository volume',
      { spec: { volumes: [{ name: 'v', gitRepo: { repository: 'r' } }] } },
      'spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+',
    ],
    [
      'profiles in annotations',
      {
        metadata: {
          annotations: {
            'container.apparmor.security.beta.kubernetes.io/c': 'runtime/default',
            'scheduler.alpha.kubernetes.io/critical-pod': '',
          },
        },
      },
      'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ],
    [
      'host names twice',
      { spec: { hostAliases: [{ ip: '1.1.1.1' }, { ip: '1.1.1.1' }] } },
      'spec.hostAliases[1].ip: duplicate ip "1.1.1.1"',
    ],
    [
      'addresses in other forms than their own',
      { spec: { hostAliases: [{ ip: '2001:DB8::1' }], dnsConfig: { nameservers: ['::ffff:10.0.0.1'] } } },
      'spec.hostAliases[0].ip: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
      'spec.dnsConfig.nameservers[0]: non-standard IP address "::ffff:10.0.0.1" is invalid: use "10.0.0.1"',
    ],
    [
      'secrets twice',
      { spec: { imagePullSecrets: [{ name: 's' }, { name: 's' }, { name: '' }] } },
      'spec.imagePullSecrets[1].name: duplicate name "s"',
      'spec.imagePullSecrets[2].name: invalid empty name ""',
    ],
    [
      'fractions of bytes',
      { spec: { containers: [{ name: 'c', image: 'i', resources: { limits: { memory: '100m' } } }] } },
      'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
      'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
    ],
    [
      'files over files',
      {
        spec: {
          volumes: [
            {
              name: 'v',
              projected: {
                sources: [
                  { configMap: { name: 'm' } },
                  { configMap: { name: 'm', items: [{ key: 'k', path: 'token' }] } },
                  { serviceAccountToken: { path: 'token' } },
                ],
              },
            },
          ],
        },
      },
      'volume "v" (Projected ServiceAccountToken): overlapping paths: "token" with "token"',
    ],
    [
      'files over files, whatever their names are made of',
      {
        spec: {
          volumes: [
            {
              name: 'v',
              configMap: {
                items: [
                  { key: 'k', path: `a${'/'.repeat(1_000_000)}x` },
                  { key: 'k', path: 'b/' },
                  { key: 'k', path: 'b' },
                ],
              },
            },
          ],
        },
      },
      'volume "v" (ConfigMap ""): overlapping paths: "b" with "b"',
    ],
    [
      'keys of spreads twice',
      { spec: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }] } },
      'spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(warned(given), expected, what);
});

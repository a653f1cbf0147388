import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1PodSpec } from '../../../api/gen/types.ts';
import { describeDetails, evaluatePod } from './evaluate.ts';
import type { Level, LevelVersion } from './level.ts';

interface Case {
  readonly spec?: object;
  readonly container?: object;
  readonly annotations?: Record<string, string>;
}

const GOOD = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

function found(
  level: Level,
  { spec = {}, container = {}, annotations = {} }: Case,
  version: LevelVersion['version'] = 'latest',
): string {
  const securityContext = { ...(level === 'restricted' && GOOD), ...(container as { securityContext?: object }).securityContext };
  const whole = { ...spec, containers: [{ name: 'c', image: 'i', ...container, securityContext }] } as unknown as V1PodSpec;
  return describeDetails(evaluatePod({ annotations, spec: whole }, { level, version }));
}

const inContext = (securityContext: object): Case => ({ container: { securityContext } });
const podContext = (securityContext: object): Case => ({ spec: { securityContext } });

const baseline: [Case, string][] = [
  [inContext({ privileged: true }), 'privileged (container "c" must not set securityContext.privileged=true)'],
  [{ spec: { hostNetwork: true, hostIPC: true } }, 'host namespaces (hostNetwork=true, hostIPC=true)'],
  [
    {
      spec: {
        volumes: [
          { name: 'a', hostPath: {} },
          { name: 'b', hostPath: {} },
        ],
      },
    },
    'hostPath volumes (volumes "a", "b")',
  ],
  [{ container: { ports: [{ hostPort: 9 }, { hostPort: 80 }, {}] } }, 'hostPort (container "c" uses hostPorts 80, 9)'],
  [
    { container: { livenessProbe: { httpGet: { host: 'h' } }, lifecycle: { preStop: { tcpSocket: { host: 'g' } } } } },
    'probe or lifecycle host (container "c" uses probe or lifecycle hosts "g", "h")',
  ],
  [
    podContext({ windowsOptions: { hostProcess: true } }),
    'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
  ],
  [
    inContext({ capabilities: { add: ['NET_RAW', 'CHOWN'] } }),
    'non-default capabilities (container "c" must not include "NET_RAW" in securityContext.capabilities.add)',
  ],
  [inContext({ procMount: 'Unmasked' }), 'procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
  [
    inContext({ seLinuxOptions: { type: 'spc_t', user: 'u', role: 'r' } }),
    'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
  ],
  [
    { ...podContext({ seccompProfile: { type: 'Unconfined' } }), ...inContext({ seccompProfile: { type: 'Unconfined' } }) },
    'seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [podContext({ sysctls: [{ name: 'kernel.msgmax' }, { name: 'a' }] }), 'forbidden sysctls (kernel.msgmax, a)'],
  [
    inContext({ appArmorProfile: { type: 'Unconfined' } }),
    'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
  ],
  [
    { annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' } },
    'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
  ],
];
for (const [pod, text] of baseline) {
  test(`baseline refuses ${JSON.stringify(pod)}`, () => {
    assert.equal(found('baseline', pod), text);
    assert.notEqual(found('restricted', pod), '');
    assert.equal(found('privileged', pod), '');
  });
}

const restricted: [Case, string][] = [
  [
    inContext({ capabilities: { drop: ['NET_RAW'], add: ['CHOWN', 'NET_BIND_SERVICE'] } }),
    'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "CHOWN" in securityContext.capabilities.add)',
  ],
  [inContext({ runAsNonRoot: false }), 'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)'],
  [
    { ...podContext({ runAsUser: 0 }), ...inContext({ runAsUser: 0 }) },
    'runAsUser=0 (pod and container "c" must not set runAsUser=0)',
  ],
  [
    { spec: { volumes: [{ name: 'a', nfs: {} }, { name: 'b', hostPath: {} }, { name: 'ok', image: {} }, { name: 'e' }] } },
    'restricted volume types (volumes "a", "b", "e" use restricted volume types "hostPath", "nfs", "unknown")',
  ],
];
for (const [pod, text] of restricted) {
  test(`restricted refuses ${JSON.stringify(pod)}, and baseline lets it in unless it is the host's`, () => {
    assert.equal(found('restricted', pod), text);
    if (!JSON.stringify(pod).includes('hostPath')) assert.equal(found('baseline', pod), '');
  });
}

test('what a pod says for all of its containers need not be said by each', () => {
  const spec = { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'Localhost' } } };
  const pod = { spec, ...inContext({ runAsNonRoot: undefined, seccompProfile: undefined }) };
  assert.equal(found('restricted', pod), '');
});

for (const [what, level, pod, before, after] of [
  ['probes\u2019 hosts are refused', 'baseline', { container: { readinessProbe: { httpGet: { host: 'h' } } } }, 33, 34],
  ['privilege escalation is refused', 'restricted', inContext({ allowPrivilegeEscalation: true }), 7, 8],
  ['capabilities must be dropped', 'restricted', inContext({ capabilities: {} }), 21, 22],
  ['user 0 is refused', 'restricted', podContext({ runAsUser: 0 }), 22, 23],
  ['seccomp must be set', 'restricted', inContext({ seccompProfile: undefined }), 18, 19],
] as const) {
  test(`${what} from v1.${after} on`, () => {
    assert.equal(found(level, pod, before), '');
    assert.notEqual(found(level, pod, after), '');
  });
}

for (const [what, level, pod, before, after] of [
  ['net.ipv4.tcp_rmem', 'baseline', podContext({ sysctls: [{ name: 'net.ipv4.tcp_rmem' }] }), 31, 32],
  ['net.ipv4.tcp_fin_timeout', 'baseline', podContext({ sysctls: [{ name: 'net.ipv4.tcp_fin_timeout' }] }), 28, 29],
  ['container_engine_t', 'baseline', inContext({ seLinuxOptions: { type: 'container_engine_t' } }), 30, 31],
  [
    'a Windows pod that does not drop capabilities',
    'restricted',
    { spec: { os: { name: 'windows' } }, ...inContext({ capabilities: {} }) },
    24,
    25,
  ],
  [
    'root in a user namespace',
    'restricted',
    { spec: { hostUsers: false }, ...inContext({ runAsUser: 0, runAsNonRoot: false }) },
    34,
    35,
  ],
  [
    'an unmasked /proc in a user namespace',
    'baseline',
    { spec: { hostUsers: false }, ...inContext({ procMount: 'Unmasked' }) },
    34,
    35,
  ],
] as const) {
  test(`${what} is let in from v1.${after} on`, () => {
    assert.notEqual(found(level, pod, before), '');
    assert.equal(found(level, pod, after), '');
    assert.equal(found(level, pod), '');
  });
}

test('an unmasked /proc stays refused by restricted', () => {
  const pod = { spec: { hostUsers: false }, ...inContext({ procMount: 'Unmasked' }) };
  assert.match(found('restricted', pod), /^procMount/);
});

test('before v1.19 seccomp was an annotation', () => {
  const annotations = {
    'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
    'container.seccomp.security.alpha.kubernetes.io/c': 'localhost/x',
  };
  assert.equal(
    found('baseline', { annotations }, 18),
    'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  );
  assert.equal(found('baseline', { annotations }, 19), '');
});

test('answers come in upstream\u2019s order, sidecars and debugging containers first and last', () => {
  const spec = {
    hostPID: true,
    initContainers: [{ name: 'i' }],
    containers: [{ name: 'c', securityContext: GOOD }],
    ephemeralContainers: [{ name: 'e', securityContext: { ...GOOD, privileged: true } }],
  } as unknown as V1PodSpec;
  const reasons = evaluatePod({ annotations: {}, spec }, { level: 'restricted', version: 'latest' });
  assert.deepEqual(
    reasons.map(({ reason }) => reason),
    [
      'host namespaces',
      'privileged',
      'allowPrivilegeEscalation != false',
      'unrestricted capabilities',
      'runAsNonRoot != true',
      'seccompProfile',
    ],
  );
});

/** What pods and containers may do to the host. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { podKind } from './pod.ts';

const { complaints } = specimensOf(podKind);
const c = { name: 'c', image: 'i' };
const container = (more: object) => complaints({ spec: { containers: [{ ...c, ...more }] } });
const pod = (spec: object) => complaints({ spec: { containers: [c], ...spec } });

test('a container’s security context makes sense', () => {
  const cases: [string, object, ...string[]][] = [
    [
      'privileged without escalation',
      { securityContext: { privileged: true, allowPrivilegeEscalation: false } },
      'spec.containers[0].securityContext: Invalid value: {"Capabilities":null,"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ],
    [
      'all capabilities without escalation',
      { securityContext: { capabilities: { add: ['CAP_SYS_ADMIN'] }, allowPrivilegeEscalation: false } },
      'spec.containers[0].securityContext: Invalid value: {"Capabilities":{"Add":["CAP_SYS_ADMIN"],"Drop":null},"Privileged":null,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
    ],
    [
      'a user below zero',
      { securityContext: { runAsUser: -1, runAsGroup: -1 } },
      'spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.containers[0].securityContext.runAsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
    [
      'an unknown mount of proc',
      { securityContext: { procMount: 'Half' } },
      'spec.containers[0].securityContext.procMount: Unsupported value: "Half": supported values: "Default", "Unmasked"',
    ],
    [
      'proc unmasked in the host’s users',
      { securityContext: { procMount: 'Unmasked' } },
      'spec.containers[0].securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`',
    ],
    [
      'a local profile without a name',
      { securityContext: { seccompProfile: { type: 'Localhost' } } },
      'spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
    ],
    [
      'a name without a local profile',
      { securityContext: { seccompProfile: { type: 'RuntimeDefault', localhostProfile: 'x' } } },
      'spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: {"Type":"RuntimeDefault","LocalhostProfile":"x"}: can only be set when seccomp type is Localhost',
    ],
    [
      'a profile of no type',
      { securityContext: { seccompProfile: { type: '' }, appArmorProfile: { type: 'Odd' } } },
      'spec.containers[0].securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set',
      'spec.containers[0].securityContext.appArmorProfile.type: Unsupported value: "Odd": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
    ],
    [
      'a profile up the tree',
      { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: '../x' } } },
      'spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: "../x": must not contain \'..\'',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(container(given), expected, what);
});

test('a pod’s security context makes sense', () => {
  const cases: [string, object, ...string[]][] = [
    [
      'groups below zero',
      { securityContext: { fsGroup: -1, supplementalGroups: [-1] } },
      'spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.supplementalGroups[0]: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
    [
      'unknown policies',
      { securityContext: { fsGroupChangePolicy: 'Never', supplementalGroupsPolicy: 'Loose', seLinuxChangePolicy: 'Half' } },
      'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"',
      'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "Loose": supported values: "Merge", "Strict"',
      'spec.securityContext.seLinuxChangePolicy: Unsupported value: "Half": supported values: "Recursive"',
    ],
    [
      'sysctls of no name',
      {
        securityContext: {
          sysctls: [
            { name: '', value: '' },
            { name: 'a..b', value: '' },
            { name: 'net.ipv4.x', value: '1' },
            { name: 'net.ipv4.x', value: '2' },
          ],
        },
      },
      'spec.securityContext.sysctls[0].name: Required value',
      'spec.securityContext.sysctls[1].name: Invalid value: "a..b": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
      'spec.securityContext.sysctls[3].name: Duplicate value: "net.ipv4.x"',
    ],
    [
      'sysctls of the host’s',
      { hostNetwork: true, securityContext: { sysctls: [{ name: 'net.ipv4.x', value: '1' }] } },
      'spec.securityContext.sysctls[0].name: Invalid value: "net.ipv4.x": may not be specified when \'hostNetwork\' is true',
    ],
    [
      'the host’s processes, shared again',
      { hostPID: true, shareProcessNamespace: true },
      'spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled',
    ],
    [
      'users of its own and the host’s network',
      { hostUsers: false, hostNetwork: true, hostIPC: true, hostPID: true },
      'spec.hostNetwork: Forbidden: when `hostUsers` is false',
      'spec.HostPID: Forbidden: when `hostUsers` is false',
      'spec.HostIPC: Forbidden: when `hostUsers` is false',
    ],
    [
      'ports that the host’s network does not give',
      { hostNetwork: true, containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 81 }] }] },
      'spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(pod(given), expected, what);
});

test('what one system knows is not asked of another', () => {
  const cases: [string, object, ...string[]][] = [
    ['an unknown system', { os: { name: 'plan9' } }, 'spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
    ['no name', { os: { name: '' } }, 'spec.os.name: Required value'],
    [
      'Linux with Windows’ options',
      { os: { name: 'linux' }, securityContext: { windowsOptions: { runAsUserName: 'x' } } },
      'spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod',
    ],
    [
      'Windows with Linux’ options',
      {
        os: { name: 'windows' },
        hostPID: true,
        securityContext: { runAsUser: 1, sysctls: [{ name: 'net.ipv4.x', value: '1' }], seLinuxOptions: {} },
        containers: [{ name: 'c', image: 'i', securityContext: { privileged: true, capabilities: { add: ['X'] } } }],
      },
      'spec.securityContext.seLinuxOptions: Forbidden: cannot be set for a windows pod',
      'spec.hostPID: Forbidden: cannot be set for a windows pod',
      'spec.securityContext.sysctls: Forbidden: cannot be set for a windows pod',
      'spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod',
      'spec.containers[0].securityContext.capabilities: Forbidden: cannot be set for a windows pod',
      'spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod',
    ],
    [
      'processes of the host without its network',
      { securityContext: { windowsOptions: { hostProcess: true } } },
      'spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers',
    ],
    [
      'a user of no name',
      { securityContext: { windowsOptions: { runAsUserName: 'a/b' } } },
      'spec.securityContext.windowsOptions.runAsUserName: Invalid value: "a/b": runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]',
    ],
    [
      'credentials of no name',
      { securityContext: { windowsOptions: { gmsaCredentialSpecName: 'UP', gmsaCredentialSpec: '' } } },
      "spec.securityContext.windowsOptions.gmsaCredentialSpecName: Invalid value: \"UP\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(pod(given), expected, what);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Container, V1Pod, V1PodSpec } from '../../../../api/gen/types.ts';
import { createMessageCodec } from '../../../../std/grpc/message-codec.ts';
import type { ContainerPreparation, SandboxPreparation } from '../../preparation.ts';
import { CRI_MESSAGES } from '../api/cri-client.ts';
import { SIGNALS } from '../api/enums.ts';
import { containerConfig } from './container-config.ts';
import { containerSecurity } from './container-security.ts';
import { containerFromCri, sandboxFromCri } from './container-state.ts';
import { containerAnnotations, containerHash, sandboxLabels, terminationMessageOf } from './pod-labels.ts';
import { criResources, resourcesFromCri } from './resources.ts';
import { sandboxConfig, sysctlName } from './sandbox-config.ts';

const codec = createMessageCodec(CRI_MESSAGES);
const SECCOMP = { profileRoot: '/var/lib/kubelet/seccomp', seccompDefault: false };

function podOf(spec: Partial<V1PodSpec> = {}, metadata: V1Pod['metadata'] = {}): V1Pod {
  return {
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1', ...metadata },
    spec: { containers: [{ name: 'app', image: 'app:1' }], ...spec },
  };
}

const SANDBOX: SandboxPreparation = {
  hostname: 'web',
  dns: { servers: ['10.0.0.10'], searches: ['shop.svc'], options: ['ndots:5'] },
  logDirectory: '/var/log/pods/shop_web_u-1',
  cgroupParent: '/kubepods/podu-1',
};

const CONTAINER: ContainerPreparation = {
  imageRef: 'sha256:abc',
  environment: [{ name: 'A', value: 'b' }],
  mounts: [],
  devices: [],
  logPath: 'app/0.log',
  resources: {},
  supplementalGroups: [],
  annotations: {},
};

const security = (spec: Partial<V1PodSpec>, container: Partial<V1Container> = {}, imageUser = {}) =>
  containerSecurity({
    pod: podOf(spec),
    container: { name: 'app', ...container },
    imageUser,
    idMappings: undefined,
    groups: [],
    seccomp: SECCOMP,
  });

test('a sandbox has the names of its pod, and labels cannot take them away', () => {
  const pod = podOf({}, { labels: { app: 'x', 'io.kubernetes.pod.uid': 'stolen' }, annotations: { note: 'n' } });
  const config = sandboxConfig(pod, 3, SANDBOX);
  assert.deepEqual(config.metadata, { name: 'web', namespace: 'shop', uid: 'u-1', attempt: 3 });
  assert.deepEqual(config.labels, {
    app: 'x',
    'io.kubernetes.pod.uid': 'u-1',
    'io.kubernetes.pod.name': 'web',
    'io.kubernetes.pod.namespace': 'shop',
  });
  assert.deepEqual(config.annotations, { note: 'n' });
  assert.deepEqual(sandboxLabels(pod), config.labels);
  assert.equal(config.linux?.cgroup_parent, '/kubepods/podu-1');
  assert.equal(config.hostname, 'web');
});

test('namespaces are shared as the pod says', () => {
  const modes = (spec: Partial<V1PodSpec>) => {
    const options = sandboxConfig(podOf(spec), 0, SANDBOX).linux?.security_context?.namespace_options;
    return [options?.network, options?.pid, options?.ipc];
  };
  assert.deepEqual(modes({}), [0, 1, 0]);
  assert.deepEqual(modes({ shareProcessNamespace: true }), [0, 0, 0]);
  assert.deepEqual(modes({ hostNetwork: true, hostPID: true, hostIPC: true }), [2, 2, 2]);
  assert.equal(sandboxConfig(podOf({ hostNetwork: true }), 0, SANDBOX).hostname, undefined);
});

test('an ephemeral container sees the processes of its target, unless the pod shares them all', () => {
  const options = (spec: Partial<V1PodSpec>) =>
    containerSecurity({
      pod: podOf(spec),
      container: { name: 'debug' },
      imageUser: {},
      idMappings: undefined,
      targetContainerId: 'c-9',
      groups: [],
      seccomp: SECCOMP,
    }).namespace_options;
  assert.deepEqual([options({})?.pid, options({})?.target_id], [3, 'c-9']);
  assert.deepEqual(
    [options({ shareProcessNamespace: true })?.pid, options({ shareProcessNamespace: true })?.target_id],
    [0, undefined],
  );
});

test('a user namespace is the sandbox’s, its containers’ and their mounts’', () => {
  const mapping = { hostId: 65536, containerId: 0, length: 65536 };
  const idMappings = { uids: [mapping], gids: [mapping] };
  const expected = { host_id: 65536, container_id: 0, length: 65536 };
  const sandbox = sandboxConfig(podOf({ hostUsers: false }), 0, { ...SANDBOX, idMappings });
  assert.deepEqual(sandbox.linux?.security_context?.namespace_options?.userns_options, {
    mode: 0,
    uids: [expected],
    gids: [expected],
  });
  const pod = podOf({ hostUsers: false });
  const mounts = [{ hostPath: '/a', containerPath: '/b', readOnly: true }];
  const request = { pod, container: pod.spec!.containers[0]!, attempt: 0, preparation: { ...CONTAINER, mounts } };
  const config = containerConfig({ request, imageUser: {}, idMappings, seccomp: SECCOMP });
  assert.deepEqual(config.mounts?.[0]?.uidMappings, [expected]);
  assert.equal(config.linux?.security_context?.namespace_options?.userns_options?.mode, 0);
});

test('ports are mapped for containers and sidecars, but not on the node’s own network', () => {
  const spec = {
    initContainers: [
      { name: 'side', restartPolicy: 'Always', ports: [{ containerPort: 1 }] },
      { name: 'once', ports: [{ containerPort: 2 }] },
    ],
    containers: [{ name: 'app', ports: [{ containerPort: 53, hostPort: 5353, protocol: 'UDP', hostIP: '127.0.0.1' }] }],
  };
  assert.deepEqual(
    sandboxConfig(podOf(spec), 0, SANDBOX).port_mappings?.map(({ protocol, container_port, host_port, host_ip }) => [
      protocol,
      container_port,
      host_port,
      host_ip,
    ]),
    [
      [0, 1, undefined, undefined],
      [1, 53, 5353, '127.0.0.1'],
    ],
  );
  assert.deepEqual(sandboxConfig(podOf({ ...spec, hostNetwork: true }), 0, SANDBOX).port_mappings, []);
});

test('sysctls are written with dots, whichever separator the pod uses', () => {
  assert.equal(sysctlName('kernel.shm_rmid_forced'), 'kernel.shm_rmid_forced');
  assert.equal(sysctlName('kernel/shm_rmid_forced'), 'kernel.shm_rmid_forced');
  assert.equal(sysctlName('net/ipv4/conf/eth0.100/arp_filter'), 'net.ipv4.conf.eth0/100.arp_filter');
  const spec = { securityContext: { sysctls: [{ name: 'net/core/somaxconn', value: '9' }] } };
  assert.deepEqual(sandboxConfig(podOf(spec), 0, SANDBOX).linux?.sysctls, { 'net.core.somaxconn': '9' });
});

test('the sandbox gets a group only beside a user, which runtimes insist on', () => {
  const context = (securityContext: V1PodSpec['securityContext']) =>
    sandboxConfig(podOf({ securityContext }), 0, SANDBOX).linux?.security_context;
  assert.equal(context({ runAsGroup: 5 })?.run_as_group, undefined);
  assert.deepEqual(context({ runAsUser: 0, runAsGroup: 5 })?.run_as_group, { value: 5 });
  assert.deepEqual(context({ fsGroup: 7, supplementalGroups: [8, 7] })?.supplemental_groups, [7, 8]);
  assert.equal(context({ supplementalGroupsPolicy: 'Strict' })?.supplemental_groups_policy, 1);
});

test('a sandbox is privileged when any of its containers is', () => {
  const privileged = (spec: Partial<V1PodSpec>) => sandboxConfig(podOf(spec), 0, SANDBOX).linux?.security_context?.privileged;
  assert.equal(privileged({}), false);
  assert.equal(privileged({ initContainers: [{ name: 'i', securityContext: { privileged: true } }] }), true);
});

test('a container’s user is its own, its pod’s, or its image’s', () => {
  const user = (spec: Partial<V1PodSpec>, container: Partial<V1Container>, image: object) => {
    const { run_as_user, run_as_username, run_as_group } = security(spec, container, image);
    return [run_as_user?.value, run_as_username, run_as_group?.value];
  };
  const pod = { securityContext: { runAsUser: 1, runAsGroup: 2 } };
  assert.deepEqual(user(pod, { securityContext: { runAsUser: 3 } }, { uid: 9 }), [3, undefined, 2]);
  assert.deepEqual(user(pod, {}, { username: 'web' }), [1, undefined, 2]);
  assert.deepEqual(user({}, {}, { username: 'web' }), [undefined, 'web', undefined]);
  assert.deepEqual(user({}, { securityContext: { runAsGroup: 4 } }, { uid: 9, username: '' }), [9, undefined, 4]);
  assert.deepEqual(user({}, {}, {}), [0, undefined, undefined]);
});

test('whoever must not run as root does not', () => {
  const refused = (container: Partial<V1Container>, image: object, message: string) =>
    assert.throws(() => security({ securityContext: { runAsNonRoot: true } }, container, image), {
      reason: 'CreateContainerConfigError',
      message: `${message} (pod: "web_shop(u-1)", container: app)`,
    });
  refused({ securityContext: { runAsUser: 0 } }, {}, "container's runAsUser breaks non-root policy");
  refused({}, { uid: 0 }, 'container has runAsNonRoot and image will run as root');
  refused({}, {}, 'container has runAsNonRoot and image will run as root');
  refused(
    {},
    { username: 'web' },
    'container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root',
  );
  assert.equal(security({ securityContext: { runAsNonRoot: true } }, {}, { uid: 8 }).run_as_user?.value, 8);
  assert.equal(
    security({ securityContext: { runAsNonRoot: true } }, { securityContext: { runAsNonRoot: false } }).run_as_user?.value,
    0,
  );
});

test('seccomp: the container before the pod before the default', () => {
  const profile = (spec: Partial<V1PodSpec>, container: Partial<V1Container> = {}) => security(spec, container).seccomp;
  const runtimeDefault = { seccompProfile: { type: 'RuntimeDefault' } };
  const local = { seccompProfile: { type: 'Localhost', localhostProfile: 'a/b.json' } };
  assert.deepEqual(profile({}), { profile_type: 1 });
  assert.deepEqual(profile({ securityContext: runtimeDefault }), { profile_type: 0 });
  assert.deepEqual(profile({ securityContext: runtimeDefault }, { securityContext: local }), {
    profile_type: 2,
    localhost_ref: '/var/lib/kubelet/seccomp/a/b.json',
  });
  const byDefault = { pod: podOf(), container: { name: 'a' }, imageUser: {}, idMappings: undefined, groups: [] };
  assert.deepEqual(containerSecurity({ ...byDefault, seccomp: { ...SECCOMP, seccompDefault: true } }).seccomp, {
    profile_type: 0,
  });
  for (const localhostProfile of ['../x', '/etc/shadow', 'a/../../x', '..'])
    assert.throws(() => profile({ securityContext: { seccompProfile: { type: 'Localhost', localhostProfile } } }), /leaves/);
  assert.throws(() => profile({ securityContext: { seccompProfile: { type: 'Localhost' } } }), /localhostProfile must be set/);
});

test('AppArmor: from the field, from the old annotation, and in the old form too', () => {
  const of = (container: Partial<V1Container>, annotations: Record<string, string> = {}) => {
    const input = {
      container: { name: 'app', ...container },
      imageUser: {},
      idMappings: undefined,
      groups: [],
      seccomp: SECCOMP,
    };
    const { apparmor, apparmor_profile } = containerSecurity({ ...input, pod: podOf({}, { annotations }) });
    return [apparmor?.profile_type, apparmor?.localhost_ref, apparmor_profile];
  };
  assert.deepEqual(of({}), [undefined, undefined, undefined]);
  assert.deepEqual(of({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }), [1, undefined, 'unconfined']);
  assert.deepEqual(of({}, { 'container.apparmor.security.beta.kubernetes.io/app': 'localhost/mine' }), [
    2,
    'mine',
    'localhost/mine',
  ]);
  assert.deepEqual(of({ securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }), [0, undefined, 'runtime/default']);
});

test('capabilities, privileges and what is hidden of /proc', () => {
  const plain = security({});
  assert.ok(plain.masked_paths?.includes('/proc/kcore') && plain.readonly_paths?.includes('/proc/sys'));
  assert.equal(plain.no_new_privs, false);
  const own = security(
    {},
    {
      securityContext: {
        procMount: 'Unmasked',
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      },
    },
  );
  assert.deepEqual([own.masked_paths, own.readonly_paths], [[], []]);
  assert.deepEqual([own.no_new_privs, own.readonly_rootfs], [true, true]);
  assert.deepEqual(own.capabilities, { add_capabilities: ['NET_ADMIN'], drop_capabilities: ['ALL'] });
});

test('a container’s annotations tell a kubelet started anew all it needs', () => {
  const container: V1Container = {
    name: 'app',
    image: 'app:1',
    ports: [{ containerPort: 80 }],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    lifecycle: { preStop: { exec: { command: ['stop'] } } },
  };
  const annotations = containerAnnotations(podOf({ terminationGracePeriodSeconds: 30 }), container, 4);
  assert.equal(annotations['io.kubernetes.container.restartCount'], '4');
  assert.equal(annotations['io.kubernetes.pod.terminationGracePeriod'], '30');
  assert.equal(annotations['io.kubernetes.container.preStopHandler'], '{"exec":{"command":["stop"]}}');
  assert.equal(annotations['io.kubernetes.container.ports'], '[{"containerPort":80}]');
  assert.deepEqual(terminationMessageOf(annotations), { path: '/dev/termination-log', fallbackToLogs: true });
  assert.equal(containerHash(container), containerHash({ name: 'app', image: 'app:1' }));
  assert.notEqual(containerHash(container), containerHash({ name: 'app', image: 'app:2' }));
});

test('what is told of a container outlives the wire', () => {
  const pod = podOf();
  const container: V1Container = {
    name: 'app',
    image: 'app:1',
    tty: true,
    stdin: true,
    workingDir: '/w',
    lifecycle: { stopSignal: 'SIGRTMIN+3' },
  };
  const preparation: ContainerPreparation = {
    ...CONTAINER,
    command: ['run'],
    args: ['a'],
    mounts: [
      {
        hostPath: '/h',
        containerPath: '/c',
        readOnly: true,
        recursiveReadOnly: true,
        propagation: 'bidirectional',
        selinuxRelabel: true,
      },
      { hostPath: '', containerPath: '/i', readOnly: true, image: { reference: 'data:1', subPath: 'x' } },
    ],
    devices: [{ hostPath: '/dev/a', containerPath: '/dev/b', permissions: 'rw' }],
    annotations: { extra: 'e' },
    resources: { cpuShares: 2, memoryLimitBytes: 1 << 20, oomScoreAdj: -3, unified: { 'memory.high': '9' } },
  };
  const config = containerConfig({
    request: { pod, container, attempt: 2, preparation },
    imageUser: { uid: 1 },
    idMappings: undefined,
    seccomp: SECCOMP,
  });
  const read = codec.decode('ContainerConfig', codec.encode('ContainerConfig', config));
  assert.deepEqual(
    [read.metadata, read.image?.image, read.image?.user_specified_image],
    [{ name: 'app', attempt: 2 }, 'sha256:abc', 'app:1'],
  );
  assert.deepEqual(
    [read.command, read.args, read.working_dir, read.tty, read.stdin, read.log_path],
    [['run'], ['a'], '/w', true, true, 'app/0.log'],
  );
  assert.deepEqual(
    read.mounts.map(({ container_path, propagation, recursive_read_only, image, image_sub_path }) => [
      container_path,
      propagation,
      recursive_read_only,
      image?.image,
      image_sub_path,
    ]),
    [
      ['/c', 2, true, undefined, ''],
      ['/i', 0, false, 'data:1', 'x'],
    ],
  );
  assert.equal(SIGNALS[read.stop_signal], 'SIGRTMIN+3');
  assert.equal(read.annotations['extra'], 'e');
  assert.equal(read.labels['io.kubernetes.container.name'], 'app');
  const { unified, ...numbers } = resourcesFromCri(read.linux?.resources) ?? {};
  assert.deepEqual({ ...numbers, unified: { ...unified } }, preparation.resources);
  assert.deepEqual(criResources({}).hugepage_limits, undefined);
});

test('the states of containers', () => {
  const status = (fields: object) =>
    codec.decode(
      'ContainerStatus',
      codec.encode('ContainerStatus', { id: 'c', metadata: { name: 'app', attempt: 1 }, created_at: 5e15, ...fields }),
    );
  const owner = { sandboxId: 's', podUid: 'u' };
  const of = (fields: object, lastWords = '') => containerFromCri(status(fields), { ...owner, lastWords });
  assert.equal(of({ state: 0 }).phase, 'created');
  assert.deepEqual([of({ state: 1, started_at: 6e15 }).phase, of({ state: 1, started_at: 6e15 }).startedAtMs], ['running', 6e9]);
  const done = of({ state: 2, finished_at: 7e15 });
  assert.deepEqual(
    [done.phase, done.exitCode, done.reason, done.finishedAtMs, done.message],
    ['exited', 0, 'Completed', 7e9, undefined],
  );
  const failed = of({ state: 2, exit_code: 2, message: 'runtime says' }, 'bye');
  assert.deepEqual([failed.reason, failed.message], ['Error', 'runtime says: bye']);
  assert.equal(of({ state: 2, exit_code: 137, reason: 'OOMKilled' }).reason, 'OOMKilled');
  const lost = of({ state: 3 });
  assert.deepEqual([lost.phase, lost.exitCode, lost.reason], ['exited', 137, 'ContainerStatusUnknown']);
  assert.deepEqual(of({ state: 1, stop_signal: 23, user: { linux: { uid: 1, gid: 2, supplemental_groups: [3] } } }).user, {
    uid: 1,
    gid: 2,
    supplementalGroups: [3],
  });
  assert.equal(of({ state: 1, stop_signal: 23 }).stopSignal, 'SIGTERM');
});

test('a sandbox’s addresses come in the runtime’s order, and none for the node’s network', () => {
  const sandbox = codec.decode(
    'PodSandbox',
    codec.encode('PodSandbox', { id: 's', metadata: { uid: 'u', name: 'n', namespace: 'ns' }, state: 0, created_at: 3e15 }),
  );
  const { ips, ready, podUid, createdAtMs } = sandboxFromCri(sandbox, { ip: '10.0.0.2', additional_ips: [{ ip: 'fd00::2' }] });
  assert.deepEqual([ips, ready, podUid, createdAtMs], [['10.0.0.2', 'fd00::2'], true, 'u', 3e9]);
  assert.deepEqual(sandboxFromCri({ ...sandbox, state: 1 }, undefined), { ...sandboxFromCri(sandbox, undefined), ready: false });
});

import type { V1SELinuxOptions } from '../../../api/gen/types.ts';
import { type Check, containersNamed, containersOf, namesWhere, plural, quoted, settersNamed, sorted } from './violation.ts';

const isSafe = (type: string | undefined) => type === 'RuntimeDefault' || type === 'Localhost';
const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/';

/** The AppArmor profile is the runtime's or one of the node's, said by field or by annotation. */
export const appArmorProfile: Check = ({ annotations, spec }) => {
  const own = spec.securityContext?.appArmorProfile;
  const bad = (profile: { type: string } | undefined) => profile !== undefined && !isSafe(profile.type);
  const names = namesWhere(spec, ({ securityContext }) => bad(securityContext?.appArmorProfile));
  const types = [own, ...containersOf(spec).map(({ securityContext }) => securityContext?.appArmorProfile)];
  const notes = Object.entries(annotations)
    .filter(
      ([key, value]) => key.startsWith(APP_ARMOR) && value && value !== 'runtime/default' && !value.startsWith('localhost/'),
    )
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const setters = [settersNamed(bad(own), names), notes.length ? plural(notes.length, 'annotation', 'annotations') : undefined];
  const told = setters.filter((setter) => setter !== undefined);
  if (!told.length) return undefined;
  const values = [...sorted(types.filter(bad).map((profile) => profile!.type)), ...sorted(notes)];
  return {
    reason: plural(values.length, 'forbidden AppArmor profile', 'forbidden AppArmor profiles'),
    detail: `${told.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  };
};

const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';

/** Before there were fields for it. */
export const seccompAnnotations: Check = ({ annotations, spec }) => {
  const keys = [SECCOMP_POD, ...containersOf(spec).map(({ name }) => SECCOMP_CONTAINER + name)];
  const isAllowed = (value: string) =>
    value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');
  const bad = sorted(
    keys.flatMap((key) => {
      const value = annotations[key];
      return value === undefined || isAllowed(value) ? [] : [`${key}=${JSON.stringify(value)}`];
    }),
  );
  if (!bad.length) return undefined;
  return { reason: 'seccompProfile', detail: `forbidden ${plural(bad.length, 'annotation', 'annotations')} ${bad.join(', ')}` };
};

/** Seccomp is not switched off. */
export const seccompBaseline: Check = ({ spec }) => {
  const bad = (profile: { type: string } | undefined) => profile !== undefined && !isSafe(profile.type);
  const own = spec.securityContext?.seccompProfile;
  const names = namesWhere(spec, ({ securityContext }) => bad(securityContext?.seccompProfile));
  const setters = settersNamed(bad(own), names);
  if (!setters) return undefined;
  const all = [own, ...containersOf(spec).map(({ securityContext }) => securityContext?.seccompProfile)];
  const types = sorted(all.filter(bad).map((profile) => profile!.type));
  return { reason: 'seccompProfile', detail: `${setters} must not set securityContext.seccompProfile.type to ${quoted(types)}` };
};

/** Seccomp is switched on. */
export const seccompRestricted: Check = (pod) => {
  const wrong = seccompBaseline(pod);
  if (wrong || pod.spec.securityContext?.seccompProfile) return wrong;
  const silent = namesWhere(pod.spec, ({ securityContext }) => securityContext?.seccompProfile === undefined);
  if (!silent.length) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${containersNamed(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

/** SELinux keeps its confined types. */
export function seLinuxOptions(...moreTypes: string[]): Check {
  const types: ReadonlySet<string> = new Set([...SELINUX_TYPES, ...moreTypes]);
  const bad = (options: V1SELinuxOptions | undefined) =>
    options !== undefined && (!types.has(options.type ?? '') || Boolean(options.user) || Boolean(options.role));
  return ({ spec }) => {
    const own = spec.securityContext?.seLinuxOptions;
    const names = namesWhere(spec, ({ securityContext }) => bad(securityContext?.seLinuxOptions));
    const setters = settersNamed(bad(own), names);
    if (!setters) return undefined;
    const all = [own, ...containersOf(spec).map(({ securityContext }) => securityContext?.seLinuxOptions)];
    const wrong = sorted(all.flatMap((options) => (options && !types.has(options.type ?? '') ? [options.type ?? ''] : [])));
    const details = [
      ...(wrong.length ? [`${plural(wrong.length, 'type', 'types')} ${quoted(wrong)}`] : []),
      ...(all.some((options) => options?.user) ? ['user may not be set'] : []),
      ...(all.some((options) => options?.role) ? ['role may not be set'] : []),
    ];
    return { reason: 'seLinuxOptions', detail: `${setters} set forbidden securityContext.seLinuxOptions: ${details.join('; ')}` };
  };
}

/** `/proc` keeps its masks. */
export const procMount: Check = ({ spec }) => {
  const bad = (type: string | undefined) => type !== undefined && type !== 'Default';
  const names = namesWhere(spec, ({ securityContext }) => bad(securityContext?.procMount));
  if (!names.length) return undefined;
  const types = sorted(
    containersOf(spec)
      .flatMap(({ securityContext }) => securityContext?.procMount ?? [])
      .filter(bad),
  );
  return { reason: 'procMount', detail: `${containersNamed(names)} must not set securityContext.procMount to ${quoted(types)}` };
};

const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];

/** Only kernel parameters that stay within the pod are set. */
export function sysctls(...more: string[]): Check {
  const safe: ReadonlySet<string> = new Set([...SYSCTLS, ...more]);
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !safe.has(name));
    return bad.length ? { reason: 'forbidden sysctls', detail: bad.join(', ') } : undefined;
  };
}

const ALLOWED_VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const;

const REFUSED_VOLUMES = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
] as const;

/** Other storage than the cluster's own comes by claims. */
export const restrictedVolumes: Check = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) => !ALLOWED_VOLUMES.some((type) => volume[type] !== undefined));
  if (!bad.length) return undefined;
  const types = sorted(bad.map((volume) => REFUSED_VOLUMES.find((type) => volume[type] !== undefined) ?? 'unknown'));
  const names = `${plural(bad.length, 'volume', 'volumes')} ${quoted(bad.map(({ name }) => name))}`;
  const what = plural(types.length, 'restricted volume type', 'restricted volume types');
  return { reason: 'restricted volume types', detail: `${names} ${plural(bad.length, 'uses', 'use')} ${what} ${quoted(types)}` };
};

/** Where containers see volumes: as directories and as devices (core/validation ValidateVolumeMounts, ValidateVolumeDevices). */
import type { V1Volume, V1VolumeDevice, V1VolumeMount } from '../../gen/types.ts';
import { forbiddenField, invalidField, notFoundField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import type { AnyContainer } from './container-defaults.ts';
import { checkDescendingPath } from './local-path.ts';

/** The sound volumes of a pod by name. */
export type PodVolumes = ReadonlyMap<string, V1Volume>;

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];
const RECURSIVE_READ_ONLY = ['Disabled', 'Enabled', 'IfPossible'];

export function validateMounts(container: AnyContainer, path: string, volumes: PodVolumes, errors: FieldError[]): void {
  const { volumeMounts: mounts = [], volumeDevices: devices = [] } = container;
  const list = `${path}.volumeMounts`;
  const deviceNames = new Set(devices.map(({ name }) => name));
  const devicePaths = new Set(devices.map(({ devicePath }) => devicePath));
  const seen = new Set<string>();
  mounts.forEach((mount, i) => {
    const { name, mountPath, subPath, subPathExpr } = mount;
    const at = `${list}[${i}]`;
    const volume = volumes.get(name);
    if (!name) errors.push(requiredField(`${at}.name`));
    if (!volume) errors.push(notFoundField(`${at}.name`, name));
    if (!mountPath) errors.push(requiredField(`${at}.mountPath`));
    if (seen.has(mountPath)) errors.push(invalidField(`${at}.mountPath`, mountPath, 'must be unique'));
    seen.add(mountPath);
    if (deviceNames.has(name)) errors.push(invalidField(`${at}.name`, name, 'must not already exist in volumeDevices'));
    if (devicePaths.has(mountPath))
      errors.push(invalidField(`${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices'));
    // Upstream leaves the place in the list out of these paths.
    if (subPath) checkDescendingPath(subPath, `${list}.subPath`, errors);
    if (subPathExpr) {
      if (subPath) errors.push(invalidField(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      checkDescendingPath(subPathExpr, `${list}.subPathExpr`, errors);
    }
    checkPropagation(mount, container, `${list}.mountPropagation`, errors);
    checkRecursiveReadOnly(mount, `${list}.recursiveReadOnly`, errors);
  });
}

function checkPropagation(
  { mountPropagation }: V1VolumeMount,
  { securityContext }: AnyContainer,
  field: string,
  errors: FieldError[],
): void {
  if (mountPropagation === undefined) return;
  if (!PROPAGATIONS.includes(mountPropagation)) errors.push(notSupportedField(field, mountPropagation, PROPAGATIONS));
  if (mountPropagation === 'Bidirectional' && !securityContext?.privileged)
    errors.push(forbiddenField(field, 'Bidirectional mount propagation is available only to privileged containers'));
}

function checkRecursiveReadOnly(mount: V1VolumeMount, field: string, errors: FieldError[]): void {
  const { recursiveReadOnly, readOnly, mountPropagation } = mount;
  if (recursiveReadOnly === undefined || recursiveReadOnly === 'Disabled') return;
  if (!RECURSIVE_READ_ONLY.includes(recursiveReadOnly)) {
    errors.push(notSupportedField(field, recursiveReadOnly, RECURSIVE_READ_ONLY));
    return;
  }
  if (!readOnly) errors.push(forbiddenField(field, 'may only be specified when readOnly is true'));
  if (mountPropagation !== undefined && mountPropagation !== 'None')
    errors.push(forbiddenField(field, 'may only be specified when mountPropagation is None or not specified'));
}

export function validateDevices(
  devices: readonly V1VolumeDevice[],
  path: string,
  mounts: readonly V1VolumeMount[],
  volumes: PodVolumes,
  errors: FieldError[],
): void {
  const names = new Set<string>();
  const paths = new Set<string>();
  const mountNames = new Set(mounts.map(({ name }) => name));
  const mountPaths = new Set(mounts.map(({ mountPath }) => mountPath));
  devices.forEach(({ name, devicePath }, i) => {
    const at = `${path}[${i}]`;
    const volume = volumes.get(name);
    if (!name) errors.push(requiredField(`${at}.name`));
    if (names.has(name)) errors.push(invalidField(`${at}.name`, name, 'must be unique'));
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral)
      errors.push(
        invalidField(`${at}.name`, name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'),
      );
    if (!volume) errors.push(notFoundField(`${at}.name`, name));
    if (!devicePath) errors.push(requiredField(`${at}.devicePath`));
    if (paths.has(devicePath)) errors.push(invalidField(`${at}.devicePath`, devicePath, 'must be unique'));
    if (devicePath.split('/').includes('..'))
      errors.push(invalidField(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')"));
    else paths.add(devicePath);
    if (mountNames.has(name)) errors.push(invalidField(`${at}.name`, name, 'must not already exist in volumeMounts'));
    if (mountPaths.has(devicePath))
      errors.push(invalidField(`${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts'));
    if (name) names.add(name);
  });
}

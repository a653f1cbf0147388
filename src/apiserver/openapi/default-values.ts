import numbers from '../../api/gen/protobuf-fields.json' with { type: 'json' };

/** What fields are when they are left out, where upstream's types say it (`+default=` in k8s.io/api); the same in all versions. */
const SAID: Readonly<Record<string, unknown>> = {
  'AzureDiskVolumeSource.cachingMode': 'ReadWrite',
  'AzureDiskVolumeSource.fsType': 'ext4',
  'AzureDiskVolumeSource.kind': 'Shared',
  'AzureDiskVolumeSource.readOnly': false,
  'ContainerPort.protocol': 'TCP',
  'DeviceToleration.operator': 'Equal',
  'FileKeySelector.optional': false,
  'GRPCAction.service': '',
  'ISCSIPersistentVolumeSource.iscsiInterface': 'default',
  'ISCSIVolumeSource.iscsiInterface': 'default',
  'LocalObjectReference.name': '',
  'RBDPersistentVolumeSource.keyring': '/etc/ceph/keyring',
  'RBDPersistentVolumeSource.pool': 'rbd',
  'RBDPersistentVolumeSource.user': 'admin',
  'RBDVolumeSource.keyring': '/etc/ceph/keyring',
  'RBDVolumeSource.pool': 'rbd',
  'RBDVolumeSource.user': 'admin',
  'ReplicationControllerSpec.minReadySeconds': 0,
  'ReplicationControllerSpec.replicas': 1,
  'ScaleIOPersistentVolumeSource.fsType': 'xfs',
  'ScaleIOPersistentVolumeSource.storageMode': 'ThinProvisioned',
  'ScaleIOVolumeSource.fsType': 'xfs',
  'ScaleIOVolumeSource.storageMode': 'ThinProvisioned',
  'ScaleSpec.replicas': 0,
  'ServicePort.protocol': 'TCP',
};

const ZEROS: Readonly<Record<string, unknown>> = { string: '', boolean: false, int32: 0, int64: 0, double: 0 };

type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;
const fields: Table = numbers;

/** `V1Pod` or `ResourceV1ResourceClaim` without what stands before the name. */
const bare = (schemaName: string) => schemaName.replace(/^[A-Z]?[a-z]*V\d+(?:(?:alpha|beta)\d+)?(?=[A-Z])/, '');

/**
 * What version 3 says that a field of one of the generated types is when it is left out, as upstream's generator finds it: what the type
 * says; else the zero of what is no pointer in Go and always written; an empty structure of what is no pointer.
 */
export function defaultOfField(schemaName: string, field: string, type: string, isStructure: boolean): { default?: unknown } {
  const key = `${bare(schemaName)}.${field}`;
  if (Object.hasOwn(SAID, key)) return { default: SAID[key] };
  const row = Object.hasOwn(fields, schemaName) ? fields[schemaName]! : {};
  const text = Object.hasOwn(row, field) ? row[field]! : undefined;
  if (text === undefined || text.includes('*')) return {};
  if (isStructure) return { default: {} };
  return text.endsWith('!') ? defaultOfItem(type, false) : {};
}

/** The same for what a list or map holds. */
export function defaultOfItem(type: string, isStructure: boolean): { default?: unknown } {
  if (isStructure) return { default: {} };
  return Object.hasOwn(ZEROS, type) ? { default: ZEROS[type] } : {};
}

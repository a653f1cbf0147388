/** Volumes that lie elsewhere (core/validation validateISCSIVolumeSource and the like). */
import type {
  V1AWSElasticBlockStoreVolumeSource,
  V1AzureDiskVolumeSource,
  V1CinderVolumeSource,
  V1FCVolumeSource,
  V1FlexVolumeSource,
  V1FlockerVolumeSource,
  V1GCEPersistentDiskVolumeSource,
  V1GitRepoVolumeSource,
  V1ISCSIVolumeSource,
  V1NFSVolumeSource,
  V1QuobyteVolumeSource,
  V1StorageOSVolumeSource,
} from '../../gen/types.ts';
import { invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import { type FieldError, MOST_FIELD_ERRORS } from '../../machinery/status-error.ts';
import { checkDescendingPath } from './local-path.ts';

type Check<T> = (source: T, path: string, scope: unknown, errors: FieldError[]) => void;

/** For sources that have fields which may not be empty, and no other rule. */
export const needs =
  (...fields: readonly string[]): Check<object> =>
  (source, path, _, errors) => {
    for (const field of fields) {
      const value = (source as Record<string, unknown>)[field];
      if (!value || (Array.isArray(value) && !value.length)) errors.push(requiredField(`${path}.${field}`));
    }
  };

const BYTE = 255;

function checkPartition(partition: number | undefined, path: string, errors: FieldError[]): void {
  if (partition !== undefined && (partition < 0 || partition > BYTE))
    errors.push(invalidField(`${path}.partition`, partition, `must be between 1 and ${BYTE}, inclusive`));
}

export const checkGceDisk: Check<V1GCEPersistentDiskVolumeSource> = ({ pdName, partition }, path, _, errors) => {
  if (!pdName) errors.push(requiredField(`${path}.pdName`));
  checkPartition(partition, path, errors);
};

export const checkAwsDisk: Check<V1AWSElasticBlockStoreVolumeSource> = ({ volumeID, partition }, path, _, errors) => {
  if (!volumeID) errors.push(requiredField(`${path}.volumeID`));
  checkPartition(partition, path, errors);
};

export const checkGitRepo: Check<V1GitRepoVolumeSource> = ({ repository, directory = '' }, path, _, errors) => {
  if (!repository) errors.push(requiredField(`${path}.repository`));
  checkDescendingPath(directory, `${path}.directory`, errors);
};

export const checkNfs: Check<V1NFSVolumeSource> = ({ server, path: exported }, path, _, errors) => {
  if (!server) errors.push(requiredField(`${path}.server`));
  if (!exported) errors.push(requiredField(`${path}.path`));
  if (!exported.startsWith('/')) errors.push(invalidField(`${path}.path`, exported, 'must be an absolute path'));
};

const IQN_AUTHORITY = /iqn\.\d{4}-\d{2}\.[A-Za-z0-9\-.]/;
const BAD_IN_IQN = /[,;*&$|\s]/;

/**
 * Upstream's `iqn\.\d{4}-\d{2}\.([[:alnum:]-.]+)(:[^,;*&$|\s]+)$`: an authority before a colon, and nothing bad behind that. Found part by
 * part, since where a name begins is not fixed: as one pattern it takes the square of a name's length.
 */
function isIqn(name: string): boolean {
  const parts = name.split(':');
  const bad = parts.findLastIndex((part) => BAD_IN_IQN.test(part));
  return parts.some(
    (part, i) => i >= bad && i < parts.length - 1 && (i < parts.length - 2 || parts[i + 1] !== '') && endsInAuthority(part),
  );
}

/** Whether what stands at the end of a part, up to a character that authorities do not have, has one. */
function endsInAuthority(part: string): boolean {
  let from = part.length;
  while (from > 0 && /[A-Za-z0-9\-.]/.test(part[from - 1]!)) from--;
  return IQN_AUTHORITY.test(part.slice(from));
}

const EUI = /^eui.[A-Za-z0-9]{16}$/;
const NAA = /^naa.[A-Za-z0-9]{32}$/;
const SHAPES: readonly (readonly [prefix: string, isRight: (name: string) => boolean])[] = [
  ['iqn', isIqn],
  ['eui', (name) => EUI.test(name)],
  ['naa', (name) => NAA.test(name)],
];

const WITH_PREFIX = 'must be valid format starting with iqn, eui, or naa';

function checkInitiator(name: string, field: string, noPrefix: string, errors: FieldError[]): void {
  const isRight = SHAPES.find(([prefix]) => name.startsWith(prefix))?.[1];
  if (!isRight) errors.push(invalidField(field, name, noPrefix));
  else if (!isRight(name)) errors.push(invalidField(field, name, 'must be valid format'));
}

function checkUnit(lun: number, path: string, errors: FieldError[]): void {
  if (lun < 0 || lun > BYTE) errors.push(invalidField(`${path}.lun`, lun, `must be between 0 and ${BYTE}, inclusive`));
}

/** @param noPrefix what is said of a name that begins with none of the three prefixes */
export const checkIscsi = (
  source: V1ISCSIVolumeSource,
  path: string,
  _: unknown,
  errors: FieldError[],
  noPrefix = WITH_PREFIX,
): void => {
  if (!source.targetPortal) errors.push(requiredField(`${path}.targetPortal`));
  if (!source.iqn) errors.push(requiredField(`${path}.iqn`));
  else checkInitiator(source.iqn, `${path}.iqn`, noPrefix, errors);
  checkUnit(source.lun, path, errors);
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) errors.push(requiredField(`${path}.secretRef`));
  if (source.initiatorName !== undefined) checkInitiator(source.initiatorName, `${path}.initiatorname`, noPrefix, errors);
};

export const checkFibreChannel: Check<V1FCVolumeSource> = ({ targetWWNs = [], wwids = [], lun }, path, _, errors) => {
  if (!targetWWNs.length && !wwids.length)
    errors.push(requiredField(`${path}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both'));
  if (!targetWWNs.length) return;
  if (wwids.length)
    errors.push(invalidField(`${path}.targetWWNs`, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'));
  if (lun === undefined) errors.push(requiredField(`${path}.lun`, 'lun is required if targetWWNs is specified'));
  else checkUnit(lun, path, errors);
};

export const checkFlocker: Check<V1FlockerVolumeSource> = ({ datasetName, datasetUUID }, path, _, errors) => {
  if (!datasetName && !datasetUUID) errors.push(requiredField(path, 'one of datasetName and datasetUUID is required'));
  if (datasetName && datasetUUID)
    errors.push(invalidField(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  if (datasetName?.includes('/')) errors.push(invalidField(`${path}.datasetName`, datasetName, "must not contain '/'"));
};

export const checkCinder: Check<V1CinderVolumeSource> = ({ volumeID, secretRef }, path, _, errors) => {
  if (!volumeID) errors.push(requiredField(`${path}.volumeID`));
  if (secretRef && !secretRef.name) errors.push(requiredField(`${path}.secretRef.name`));
};

const LONGEST_TENANT = 64;
const REGISTRIES = 'must be a host:port pair or multiple pairs separated by commas';

export const checkQuobyte: Check<V1QuobyteVolumeSource> = ({ registry, tenant, volume }, path, _, errors) => {
  if (!registry) errors.push(requiredField(`${path}.registry`, REGISTRIES));
  else if ((tenant?.length ?? 0) > LONGEST_TENANT)
    errors.push(requiredField(`${path}.tenant`, `must be a UUID and may not exceed a length of ${LONGEST_TENANT} characters`));
  else
    for (const pair of registry.split(',')) {
      if (/^(\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(pair)) continue;
      errors.push(invalidField(`${path}.registry`, registry, REGISTRIES));
      if (errors.length > MOST_FIELD_ERRORS) break;
    }
  if (!volume) errors.push(requiredField(`${path}.volume`));
};

export const checkFlexVolume: Check<V1FlexVolumeSource> = ({ driver, options = {} }, path, _, errors) => {
  if (!driver) errors.push(requiredField(`${path}.driver`));
  for (const key of Object.keys(options)) {
    const domain = `.${key.split('/')[0]!.toLowerCase()}`;
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io'))
      errors.push(invalidField(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'));
  }
};

const CACHING = ['None', 'ReadOnly', 'ReadWrite'];
const DISK_KINDS = ['Dedicated', 'Managed', 'Shared'];
const MANAGED_URI = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

export const checkAzureDisk: Check<V1AzureDiskVolumeSource> = (disk, path, _, errors) => {
  const { diskName, diskURI, cachingMode, kind } = disk;
  if (!diskName) errors.push(requiredField(`${path}.diskName`));
  if (!diskURI) errors.push(requiredField(`${path}.diskURI`));
  if (cachingMode !== undefined && !CACHING.includes(cachingMode))
    errors.push(notSupportedField(`${path}.cachingMode`, cachingMode, CACHING));
  if (kind === undefined) return;
  if (!DISK_KINDS.includes(kind)) errors.push(notSupportedField(`${path}.kind`, kind, DISK_KINDS));
  if (kind === 'Managed') {
    if (!diskURI.startsWith('/subscriptions/')) errors.push(notSupportedField(`${path}.diskURI`, diskURI, [MANAGED_URI]));
  } else if (!diskURI.startsWith('https://')) errors.push(notSupportedField(`${path}.diskURI`, diskURI, [BLOB_URI]));
};

export const checkStorageOs: Check<V1StorageOSVolumeSource> = (source, path, _, errors) => {
  const { volumeName, volumeNamespace, secretRef } = source;
  if (!volumeName) errors.push(requiredField(`${path}.volumeName`));
  else for (const complaint of checkDnsLabel(volumeName)) errors.push(invalidField(`${path}.volumeName`, volumeName, complaint));
  if (volumeNamespace)
    for (const complaint of checkDnsLabel(volumeNamespace))
      errors.push(invalidField(`${path}.volumeNamespace`, volumeNamespace, complaint));
  if (secretRef && !secretRef.name) errors.push(requiredField(`${path}.secretRef.name`));
};

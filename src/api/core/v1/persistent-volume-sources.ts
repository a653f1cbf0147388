/** What each kind of storage behind a PersistentVolume needs (core/validation, validate…PersistentVolumeSource). */
import type { V1CSIPersistentVolumeSource, V1PersistentVolumeSpec, V1SecretReference } from '../../gen/types.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkRequired } from '../../machinery/field-checks.ts';
import { forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

type SourceName = Exclude<
  keyof V1PersistentVolumeSpec,
  | 'accessModes'
  | 'capacity'
  | 'claimRef'
  | 'mountOptions'
  | 'nodeAffinity'
  | 'persistentVolumeReclaimPolicy'
  | 'storageClassName'
  | 'volumeAttributesClassName'
  | 'volumeMode'
>;

/** In the order in which they are looked at, each with the fields that may not be empty. */
const SOURCES: readonly (readonly [name: SourceName, needed: readonly string[], path?: string])[] = [
  ['hostPath', ['path']],
  ['gcePersistentDisk', ['pdName'], 'persistentDisk'],
  ['awsElasticBlockStore', ['volumeID']],
  ['glusterfs', ['endpoints', 'path']],
  ['flocker', []],
  ['nfs', ['server', 'path']],
  ['rbd', ['monitors', 'image']],
  ['quobyte', ['registry', 'volume']],
  ['cephfs', ['monitors']],
  ['iscsi', ['targetPortal', 'iqn']],
  ['cinder', ['volumeID']],
  ['fc', []],
  ['flexVolume', ['driver']],
  ['azureFile', ['secretName', 'shareName']],
  ['vsphereVolume', ['volumePath']],
  ['photonPersistentDisk', ['pdID']],
  ['portworxVolume', ['volumeID']],
  ['azureDisk', ['diskName', 'diskURI']],
  ['scaleIO', ['gateway', 'system', 'volumeName']],
  ['local', ['path']],
  ['storageos', []],
  ['csi', []],
];

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

/** The sources that a volume has; all but one are one too many. */
export const sourcesOf = (spec: V1PersistentVolumeSpec): Partial<V1PersistentVolumeSpec> =>
  Object.fromEntries(SOURCES.flatMap(([name]) => (spec[name] === undefined ? [] : [[name, spec[name]]])));

export function validatePersistentVolumeSources(spec: V1PersistentVolumeSpec, path: string): FieldError[] {
  const given = SOURCES.filter(([name]) => spec[name] !== undefined);
  const errors: FieldError[] = [];
  given.forEach(([name, needed, shown = name], i) => {
    if (i > 0) errors.push(forbiddenField(`${path}.${name}`, 'may not specify more than 1 volume type'));
    else errors.push(...validateSource(name, spec, needed, `${path}.${shown}`));
  });
  if (!given.length) errors.push(requiredField(path, 'must specify a volume type'));
  return errors;
}

function validateSource(name: SourceName, spec: V1PersistentVolumeSpec, needed: readonly string[], path: string): FieldError[] {
  const source = spec[name] as Readonly<Record<string, unknown>>;
  const isEmpty = (value: unknown) => !value || (Array.isArray(value) && value.length === 0);
  const errors = needed.filter((field) => isEmpty(source[field])).map((field) => requiredField(`${path}.${field}`));
  const file = spec.hostPath?.path ?? spec.local?.path;
  if (file?.split('/').includes('..')) errors.push(invalidField(`${path}.path`, file, "must not contain '..'"));
  const type = spec.hostPath?.type;
  if (type !== undefined && !HOST_PATH_TYPES.includes(type))
    errors.push(notSupportedField(`${path}.type`, type, HOST_PATH_TYPES));
  if (spec.nfs?.path && !spec.nfs.path.startsWith('/'))
    errors.push(invalidField(`${path}.path`, spec.nfs.path, 'must be an absolute path'));
  if (spec.local && !spec.nodeAffinity?.required)
    errors.push(requiredField(`${path.replace(/\.local$/, '')}.nodeAffinity`, 'Local volume requires node affinity'));
  return spec.csi ? [...errors, ...validateCsi(spec.csi, path)] : errors;
}

function validateCsi(csi: V1CSIPersistentVolumeSource, path: string): FieldError[] {
  const errors = checkDriverName(`${path}.driver`, csi.driver);
  if (!csi.volumeHandle) errors.push(requiredField(`${path}.volumeHandle`));
  const secrets: readonly (keyof V1CSIPersistentVolumeSource)[] = [
    'controllerPublishSecretRef',
    'controllerExpandSecretRef',
    'nodePublishSecretRef',
    'nodeExpandSecretRef',
  ];
  for (const field of secrets) {
    const secret = csi[field] as V1SecretReference | undefined;
    if (secret)
      errors.push(
        ...checkRequired(`${path}.${field}.name`, secret.name, checkDnsSubdomain),
        ...checkRequired(`${path}.${field}.namespace`, secret.namespace, checkDnsLabel),
      );
  }
  return errors;
}

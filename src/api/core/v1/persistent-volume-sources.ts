/** What each kind of storage behind a PersistentVolume needs (core/validation, validate…PersistentVolumeSource). */
import type {
  V1AzureFilePersistentVolumeSource,
  V1CinderPersistentVolumeSource,
  V1CSIPersistentVolumeSource,
  V1GlusterfsPersistentVolumeSource,
  V1ISCSIPersistentVolumeSource,
  V1LocalVolumeSource,
  V1PersistentVolumeSpec,
  V1SecretReference,
  V1StorageOSPersistentVolumeSource,
} from '../../gen/types.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkField, checkRequired } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkNoBacksteps } from './local-path.ts';
import {
  checkAwsDisk,
  checkAzureDisk,
  checkCinder,
  checkFibreChannel,
  checkFlexVolume,
  checkFlocker,
  checkGceDisk,
  checkIscsi,
  checkNfs,
  checkQuobyte,
  checkStorageOs,
  needs,
} from './remote-volume-validation.ts';
import { checkHostPath } from './volume-sources.ts';

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

/** What a source is looked at with. */
interface Scope {
  readonly volumeName: string;
}

type Check = (source: never, path: string, scope: Scope, errors: FieldError[]) => void;

interface Source {
  readonly field: SourceName;
  readonly check: Check;
  /** Where its own errors are, when that is not the field's name. */
  readonly at?: string;
  /** Where upstream says that it is one too many, likewise. */
  readonly forbiddenAt?: string;
  /** Upstream never says of it that it is one too many. */
  readonly neverTooMany?: boolean;
}

function checkGlusterfs(source: V1GlusterfsPersistentVolumeSource, path: string, scope: Scope, errors: FieldError[]): void {
  needs('endpoints', 'path')(source, path, scope, errors);
  const { endpointsNamespace: namespace } = source;
  const at = `${path}.endpointsNamespace`;
  if (namespace === '')
    errors.push(invalidField(at, namespace, 'if the endpointnamespace is set, it must be a valid namespace name'));
  else if (namespace !== undefined) addErrors(errors, checkField(at, namespace, checkDnsLabel));
}

/** The directory that a volume's targets are known by is named after the volume and its portal. */
const LONGEST_TARGET = 64;

function checkPersistentIscsi(source: V1ISCSIPersistentVolumeSource, path: string, scope: Scope, errors: FieldError[]): void {
  const { initiatorName, targetPortal, secretRef } = source;
  if (initiatorName !== undefined && `${scope.volumeName}:${targetPortal}`.length > LONGEST_TARGET)
    errors.push(
      invalidField(
        `${path}.targetportal`,
        targetPortal,
        `Total length of <volume name>:<iscsi.targetPortal> must be under ${LONGEST_TARGET} characters if iscsi.initiatorName is specified.`,
      ),
    );
  checkIscsi({ ...source, secretRef: secretRef ?? undefined }, path, scope, errors, 'must be valid format');
  if (secretRef && !secretRef.name) errors.push(requiredField(`${path}.secretRef.name`));
}

function checkPersistentCinder(source: V1CinderPersistentVolumeSource, path: string, scope: Scope, errors: FieldError[]): void {
  checkCinder(source, path, scope, errors);
  if (source.secretRef && !source.secretRef.namespace) errors.push(requiredField(`${path}.secretRef.namespace`));
}

function checkAzureFile(source: V1AzureFilePersistentVolumeSource, path: string, scope: Scope, errors: FieldError[]): void {
  needs('secretName', 'shareName')(source, path, scope, errors);
  if (source.secretNamespace === '') errors.push(requiredField(`${path}.secretNamespace`));
}

function checkPersistentStorageOs(
  source: V1StorageOSPersistentVolumeSource,
  path: string,
  scope: Scope,
  errors: FieldError[],
): void {
  checkStorageOs(source, path, scope, errors);
  if (source.secretRef && !source.secretRef.namespace) errors.push(requiredField(`${path}.secretRef.namespace`));
}

function checkLocal({ path: directory }: V1LocalVolumeSource, path: string, _: Scope, errors: FieldError[]): void {
  if (!directory) errors.push(requiredField(`${path}.path`));
  else checkNoBacksteps(directory, `${path}.path`, errors);
}

function checkCsi(csi: V1CSIPersistentVolumeSource, path: string, _: Scope, errors: FieldError[]): void {
  addErrors(errors, checkDriverName(`${path}.driver`, csi.driver));
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
      addErrors(errors, [
        ...checkRequired(`${path}.${field}.name`, secret.name, checkDnsSubdomain),
        ...checkRequired(`${path}.${field}.namespace`, secret.namespace, checkDnsLabel),
      ]);
  }
}

/** In the order in which they are looked at. */
const SOURCES: readonly Source[] = [
  { field: 'hostPath', check: checkHostPath },
  { field: 'gcePersistentDisk', at: 'persistentDisk', check: checkGceDisk },
  { field: 'awsElasticBlockStore', check: checkAwsDisk },
  { field: 'glusterfs', check: checkGlusterfs },
  { field: 'flocker', check: checkFlocker },
  { field: 'nfs', check: checkNfs },
  { field: 'rbd', check: needs('monitors', 'image') },
  { field: 'quobyte', check: checkQuobyte },
  { field: 'cephfs', forbiddenAt: 'cephFS', check: needs('monitors') },
  { field: 'iscsi', check: checkPersistentIscsi },
  { field: 'cinder', check: checkPersistentCinder },
  { field: 'fc', check: checkFibreChannel },
  { field: 'flexVolume', check: checkFlexVolume, neverTooMany: true },
  { field: 'azureFile', check: checkAzureFile },
  { field: 'vsphereVolume', check: needs('volumePath') },
  { field: 'photonPersistentDisk', check: needs('pdID') },
  { field: 'portworxVolume', check: needs('volumeID') },
  { field: 'azureDisk', check: checkAzureDisk },
  { field: 'scaleIO', check: needs('gateway', 'system', 'volumeName') },
  { field: 'local', check: checkLocal },
  { field: 'storageos', check: checkPersistentStorageOs },
  { field: 'csi', check: checkCsi },
];

/** The sources that a volume has; all but one are one too many. */
export const sourcesOf = (spec: V1PersistentVolumeSpec): Partial<V1PersistentVolumeSpec> =>
  Object.fromEntries(SOURCES.flatMap(({ field }) => (spec[field] === undefined ? [] : [[field, spec[field]]])));

/** @param scope the name of the volume, empty for one that is part of another object */
export function validatePersistentVolumeSources(spec: V1PersistentVolumeSpec, path: string, scope: Scope): FieldError[] {
  const given = SOURCES.filter(({ field }) => spec[field] !== undefined);
  const errors: FieldError[] = [];
  given.forEach(({ field, check, at = field, forbiddenAt = field, neverTooMany }, i) => {
    if (i > 0 && !neverTooMany) {
      errors.push(forbiddenField(`${path}.${forbiddenAt}`, 'may not specify more than 1 volume type'));
      return;
    }
    check(spec[field] as never, `${path}.${at}`, scope, errors);
    if (field === 'local' && !spec.nodeAffinity?.required)
      errors.push(requiredField(`${path}.nodeAffinity`, 'Local volume requires node affinity'));
  });
  if (!given.length) errors.push(requiredField(path, 'must specify a volume type'));
  return errors;
}

/** What each source of a pod's volume needs, in the order in which upstream looks at them (core/validation validateVolumeSource). */
import type {
  V1ConfigMapVolumeSource,
  V1CSIVolumeSource,
  V1DownwardAPIVolumeSource,
  V1EphemeralVolumeSource,
  V1HostPathVolumeSource,
  V1ImageVolumeSource,
  V1SecretVolumeSource,
  V1Volume,
} from '../../gen/types.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsSubdomain } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateAnnotations, validateLabels } from '../../machinery/validate-metadata.ts';
import { checkPullPolicy } from './container-validation.ts';
import { checkFileMode, checkNoBacksteps } from './local-path.ts';
import { validatePersistentVolumeClaimSpec } from './persistent-volume-claim-validation.ts';
import { checkKeyToPath, validateDownwardFile, validateProjectedSources } from './projected-volume-validation.ts';
import {
  checkAwsDisk,
  checkAzureDisk,
  checkCinder,
  checkFibreChannel,
  checkFlexVolume,
  checkFlocker,
  checkGceDisk,
  checkGitRepo,
  checkIscsi,
  checkNfs,
  checkQuobyte,
  checkStorageOs,
  needs,
} from './remote-volume-validation.ts';

/** What sources depend on besides themselves. */
export interface VolumeScope {
  /** Pods, not templates: these may be stricter. */
  readonly isPod: boolean;
}

type Check = (source: never, path: string, scope: VolumeScope, errors: FieldError[]) => void;

interface VolumeSource {
  readonly field: Exclude<keyof V1Volume, 'name'>;
  /** Where upstream says that it is one too many, when that is not the field's name. */
  readonly forbiddenAt?: string;
  /** Where its own errors are, likewise. */
  readonly at?: string;
  readonly check: Check;
}

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

export function checkHostPath(
  { path: directory, type }: V1HostPathVolumeSource,
  path: string,
  _: unknown,
  errors: FieldError[],
): void {
  if (!directory) return void errors.push(requiredField(`${path}.path`));
  checkNoBacksteps(directory, `${path}.path`, errors);
  if (type !== undefined && !HOST_PATH_TYPES.includes(type))
    errors.push(notSupportedField(`${path}.type`, type, HOST_PATH_TYPES));
}

function checkSecret(
  { secretName, defaultMode, items }: V1SecretVolumeSource,
  path: string,
  _: VolumeScope,
  errors: FieldError[],
): void {
  if (!secretName) errors.push(requiredField(`${path}.secretName`));
  checkFileMode(defaultMode, `${path}.defaultMode`, errors);
  items?.forEach((item, i) => {
    checkKeyToPath(item, `${path}.items[${i}]`, errors);
  });
}

function checkConfigMap(
  { name, defaultMode, items }: V1ConfigMapVolumeSource,
  path: string,
  _: VolumeScope,
  errors: FieldError[],
): void {
  if (!name) errors.push(requiredField(`${path}.name`));
  checkFileMode(defaultMode, `${path}.defaultMode`, errors);
  items?.forEach((item, i) => {
    checkKeyToPath(item, `${path}.items[${i}]`, errors);
  });
}

function checkDownward(
  { defaultMode, items }: V1DownwardAPIVolumeSource,
  path: string,
  _: VolumeScope,
  errors: FieldError[],
): void {
  checkFileMode(defaultMode, `${path}.defaultMode`, errors);
  // Upstream does not say which of the files it is.
  for (const file of items ?? []) validateDownwardFile(file, path, errors);
}

function checkCsi(
  { driver, nodePublishSecretRef: secret }: V1CSIVolumeSource,
  path: string,
  _: VolumeScope,
  errors: FieldError[],
): void {
  addErrors(errors, checkDriverName(`${path}.driver`, driver));
  if (!secret) return;
  if (!secret.name) errors.push(requiredField(`${path}.nodePublishSecretRef.name`));
  else for (const complaint of checkDnsSubdomain(secret.name)) errors.push(invalidField(`${path}.name`, secret.name, complaint));
}

/** Of metadata in templates, labels and annotations only are copied. */
const TEMPLATE_METADATA: ReadonlySet<string> = new Set(['labels', 'annotations', 'creationTimestamp']);

function checkEphemeral(
  { volumeClaimTemplate: template }: V1EphemeralVolumeSource,
  path: string,
  _: VolumeScope,
  errors: FieldError[],
): void {
  const at = `${path}.volumeClaimTemplate`;
  if (!template) return void errors.push(requiredField(at));
  const { metadata = {}, spec } = template;
  addErrors(errors, validateAnnotations(metadata.annotations, `${at}.metadata.annotations`));
  addErrors(errors, validateLabels(metadata.labels, `${at}.metadata.labels`));
  for (const field of Object.keys(metadata))
    if (!TEMPLATE_METADATA.has(field)) errors.push(forbiddenField(`${at}.metadata.${field}`, 'cannot be set'));
  addErrors(errors, validatePersistentVolumeClaimSpec(spec, `${at}.spec`));
}

function checkImage(
  { reference, pullPolicy }: V1ImageVolumeSource,
  path: string,
  { isPod }: VolumeScope,
  errors: FieldError[],
): void {
  if (isPod && !reference) errors.push(requiredField(`${path}.reference`));
  checkPullPolicy(pullPolicy, `${path}.pullPolicy`, errors);
}

export const VOLUME_SOURCES: readonly VolumeSource[] = [
  {
    field: 'emptyDir',
    check: ({ sizeLimit }: NonNullable<V1Volume['emptyDir']>, path: string, _: VolumeScope, errors: FieldError[]) => {
      if (sizeLimit?.startsWith('-'))
        errors.push(forbiddenField(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
    },
  },
  { field: 'hostPath', check: checkHostPath },
  { field: 'gitRepo', check: checkGitRepo },
  { field: 'gcePersistentDisk', at: 'persistentDisk', check: checkGceDisk },
  { field: 'awsElasticBlockStore', check: checkAwsDisk },
  { field: 'secret', check: checkSecret },
  { field: 'nfs', check: checkNfs },
  { field: 'iscsi', check: checkIscsi },
  { field: 'glusterfs', check: needs('endpoints', 'path') },
  { field: 'flocker', check: checkFlocker },
  { field: 'persistentVolumeClaim', check: needs('claimName') },
  { field: 'rbd', check: needs('monitors', 'image') },
  { field: 'cinder', check: checkCinder },
  { field: 'cephfs', forbiddenAt: 'cephFS', check: needs('monitors') },
  { field: 'quobyte', check: checkQuobyte },
  { field: 'downwardAPI', forbiddenAt: 'downwarAPI', check: checkDownward },
  { field: 'fc', check: checkFibreChannel },
  { field: 'flexVolume', check: checkFlexVolume },
  { field: 'configMap', check: checkConfigMap },
  { field: 'azureFile', check: needs('secretName', 'shareName') },
  { field: 'vsphereVolume', check: needs('volumePath') },
  { field: 'photonPersistentDisk', check: needs('pdID') },
  { field: 'portworxVolume', check: needs('volumeID') },
  { field: 'azureDisk', check: checkAzureDisk },
  { field: 'storageos', check: checkStorageOs },
  { field: 'projected', check: validateProjectedSources },
  { field: 'scaleIO', check: needs('gateway', 'system', 'volumeName') },
  { field: 'csi', check: checkCsi },
  { field: 'ephemeral', check: checkEphemeral },
  { field: 'image', check: checkImage },
];

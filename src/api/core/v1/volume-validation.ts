/** Volumes of pods (core/validation ValidateVolumes): each with a name of its own and one source. */
import type { V1Volume } from '../../gen/types.ts';
import { duplicateField, forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import type { PodVolumes } from './mount-validation.ts';
import { VOLUME_SOURCES, type VolumeScope } from './volume-sources.ts';

/** Adds complaints; returns the volumes about which there are none. `podName` is known of pods, not of templates. */
export function validateVolumes(
  volumes: readonly V1Volume[],
  path: string,
  scope: VolumeScope & { readonly podName?: string },
  errors: FieldError[],
): PodVolumes {
  const { podName } = scope;
  const sound = new Map<string, V1Volume>();
  const created = new Set<string>();
  if (podName) for (const { name, ephemeral } of volumes) if (ephemeral) created.add(`${podName}-${name}`);
  volumes.forEach((volume, i) => {
    const { name } = volume;
    const at = `${path}[${i}]`;
    const before = errors.length;
    validateSource(volume, at, scope, errors);
    if (!name) errors.push(requiredField(`${at}.name`));
    else for (const complaint of checkDnsLabel(name)) errors.push(invalidField(`${at}.name`, name, complaint));
    if (sound.has(name)) errors.push(duplicateField(`${at}.name`, name));
    if (errors.length === before) sound.set(name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && created.has(claim))
      errors.push(
        invalidField(
          `${at}.persistentVolumeClaim.claimName`,
          claim,
          'must not reference a PVC that gets created for an ephemeral volume',
        ),
      );
  });
  return sound;
}

function validateSource(
  volume: V1Volume,
  path: string,
  scope: VolumeScope & { readonly podName?: string },
  errors: FieldError[],
): void {
  let first = true;
  for (const { field, forbiddenAt = field, at = field, check } of VOLUME_SOURCES) {
    const source = volume[field];
    if (source === undefined) continue;
    if (first) check(source as never, `${path}.${at}`, scope, errors);
    else errors.push(forbiddenField(`${path}.${forbiddenAt}`, 'may not specify more than 1 volume type'));
    if (first && field === 'ephemeral' && scope.podName && volume.name)
      checkClaimName(`${scope.podName}-${volume.name}`, volume.name, `${path}.name`, errors);
    if (field === 'iscsi') checkPortalName(volume, `${path}.name`, errors);
    first = false;
  }
  if (first) errors.push(requiredField(path, 'must specify a volume type'));
}

function checkClaimName(claim: string, volume: string, field: string, errors: FieldError[]): void {
  for (const complaint of checkDnsSubdomain(claim))
    errors.push(invalidField(field, volume, `PVC name ${JSON.stringify(claim)}: ${complaint}`));
}

const LONGEST_PORTAL_NAME = 64;

function checkPortalName({ name, iscsi }: V1Volume, field: string, errors: FieldError[]): void {
  if (iscsi?.initiatorName === undefined || `${name}:${iscsi.targetPortal}`.length <= LONGEST_PORTAL_NAME) return;
  errors.push(
    invalidField(
      field,
      name,
      `Total length of <volume name>:<iscsi.targetPortal> must be under ${LONGEST_PORTAL_NAME} characters if iscsi.initiatorName is specified.`,
    ),
  );
}

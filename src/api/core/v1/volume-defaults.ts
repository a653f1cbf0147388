/** Defaults of volumes (pkg/apis/core/v1/defaults.go, and the defaults that the types name themselves). All functions change their argument. */
import type { V1DownwardAPIVolumeFile, V1Volume } from '../../gen/types.ts';
import { defaultPullPolicy } from './image-defaults.ts';
import { setRemoteVolumeDefaults } from './remote-volume-defaults.ts';
import { setPersistentVolumeClaimSpecDefaults } from './storage-defaults.ts';

/** 0644 */
const DEFAULT_MODE = 420;
const HOUR_SECONDS = 3600;

function setFileDefaults(files: readonly V1DownwardAPIVolumeFile[] | undefined): void {
  for (const { fieldRef, resourceFieldRef } of files ?? []) {
    if (fieldRef) fieldRef.apiVersion ||= 'v1';
    if (resourceFieldRef) resourceFieldRef.divisor ??= '0';
  }
}

export function setVolumeDefaults(volume: V1Volume): void {
  let sources = 0;
  for (const field in volume) if (field !== 'name') sources++;
  if (!sources) volume.emptyDir = {};
  if (volume.hostPath) volume.hostPath.type ??= '';
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected])
    if (source) source.defaultMode ??= DEFAULT_MODE;
  setFileDefaults(volume.downwardAPI?.items);
  for (const { serviceAccountToken, downwardAPI } of volume.projected?.sources ?? []) {
    if (serviceAccountToken) serviceAccountToken.expirationSeconds ??= HOUR_SECONDS;
    setFileDefaults(downwardAPI?.items);
  }
  if (volume.ephemeral?.volumeClaimTemplate) setPersistentVolumeClaimSpecDefaults(volume.ephemeral.volumeClaimTemplate.spec);
  if (volume.image && !volume.image.pullPolicy) volume.image.pullPolicy = defaultPullPolicy(volume.image.reference ?? '');
  setRemoteVolumeDefaults(volume);
}

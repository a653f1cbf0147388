import { PodPartError } from '../pods/pod-parts.ts';

/** A volume could not be made ready, in upstream's words. */
export function failedMount(volumeName: string, cause: Error): PodPartError {
  return new PodPartError('FailedMount', `MountVolume.SetUp failed for volume "${volumeName}" : ${cause.message}`, { cause });
}

/** It is not known yet what the volume is. */
export function failedProcessing(volumeName: string, cause: Error): PodPartError {
  const message =
    `Unable to attach or mount volumes: unmounted volumes=[${volumeName}], unattached volumes=[], ` +
    `failed to process volumes=[${volumeName}]: ${cause.message}`;
  return new PodPartError('FailedMount', message, { cause });
}

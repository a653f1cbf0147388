import type { V1PodSpec } from '../../gen/types.ts';
import { invalidField, notFoundField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { eachContainer } from './pod-containers.ts';

/** Variables are read from files in volumes that are the pod's alone (core/validation validateFileKeyRefVolumes). */
export function checkEnvironmentFiles(spec: V1PodSpec, path: string, errors: FieldError[]): void {
  // Of several of one name the last one counts, as in upstream's map.
  const volumes = new Map(spec.volumes?.map((volume) => [volume.name, volume]));
  eachContainer(spec, path, ({ env }, at) => {
    env?.forEach(({ valueFrom }, i) => {
      const named = valueFrom?.fileKeyRef?.volumeName;
      if (named === undefined) return;
      const field = `${at}.env[${i}].valueFrom.fileKeyRef.volumeName`;
      const volume = volumes.get(named);
      if (!volume) errors.push(notFoundField(field, named));
      else if (!volume.emptyDir) errors.push(invalidField(field, named, 'referenced volume must be of type emptyDir'));
    });
  });
}

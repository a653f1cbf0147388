import { eachContainer } from '../../api/core/v1/pod-containers.ts';
import type { V1PodSpec } from '../../api/gen/types.ts';
import { isJsonMap } from '../../api/machinery/clone.ts';
import { forbiddenField } from '../../api/machinery/field-error.ts';
import { type FieldError, formatGroupResource, invalid } from '../../api/machinery/status-error.ts';
import type { AdmissionPlugin } from '../contracts.ts';

/** Where pods and the kinds that make them say what a pod is to be. */
const POD_SPECS: Readonly<Record<string, string>> = {
  pods: 'spec',
  podtemplates: 'template.spec',
  replicationcontrollers: 'spec.template.spec',
  'replicasets.apps': 'spec.template.spec',
  'deployments.apps': 'spec.template.spec',
  'statefulsets.apps': 'spec.template.spec',
  'daemonsets.apps': 'spec.template.spec',
  'jobs.batch': 'spec.template.spec',
  'cronjobs.batch': 'spec.jobTemplate.spec.template.spec',
};

/** Without `--allow-privileged` no container may be privileged (core/validation, ValidateSecurityContext). */
export const denyPrivilegedContainers: AdmissionPlugin = {
  name: 'PrivilegedContainers',
  handles: ({ operation, kind, object }) =>
    (operation === 'CREATE' || operation === 'UPDATE') &&
    object !== undefined &&
    Object.hasOwn(POD_SPECS, formatGroupResource(kind)),
  async validate({ kind, name, object }) {
    const path = POD_SPECS[formatGroupResource(kind)]!;
    let spec: unknown = object;
    for (const field of path.split('.')) spec = isJsonMap(spec) ? spec[field] : undefined;
    if (!spec) return;
    const errors: FieldError[] = [];
    eachContainer(spec as V1PodSpec, path, ({ securityContext }, at) => {
      if (securityContext?.privileged)
        errors.push(forbiddenField(`${at}.securityContext.privileged`, 'disallowed by cluster policy'));
    });
    if (errors.length) throw invalid(kind, name, errors);
  },
};

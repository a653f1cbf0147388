/** Kernel parameters that a pod sets for itself (core/validation validateSysctls). */
import type { V1PodSpec, V1Sysctl } from '../../gen/types.ts';
import { duplicateField, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const NAME = `^(${SEGMENT}[\\./])*${SEGMENT}$`;
const isName = new RegExp(NAME);
const LONGEST_NAME = 253;

/** Which of the host's namespaces a parameter belongs to (component-helpers/node/util/sysctl). */
function namespaceOf(name: string): 'net' | 'ipc' | undefined {
  const separator = /[./]/.exec(name)?.[0];
  // The first separator says what separates; the other one then stands for a dot in a name.
  const dotted = separator === '/' ? name.replace(/[./]/g, (c) => (c === '/' ? '.' : '/')) : name;
  if (dotted.startsWith('net.')) return 'net';
  return dotted === 'kernel.sem' || /^(kernel\.shm|kernel\.msg|fs\.mqueue\.)/.test(dotted) ? 'ipc' : undefined;
}

export function validateSysctls(sysctls: readonly V1Sysctl[], spec: V1PodSpec, path: string, errors: FieldError[]): void {
  const names = new Set<string>();
  sysctls.forEach(({ name }, i) => {
    const field = `${path}[${i}].name`;
    if (!name) errors.push(requiredField(field));
    else if (name.length > LONGEST_NAME || !isName.test(name))
      errors.push(invalidField(field, name, `must have at most ${LONGEST_NAME} characters and match regex ${NAME}`));
    else if (names.has(name)) errors.push(duplicateField(field, name));
    names.add(name);
    const namespace = namespaceOf(name);
    if (spec.hostNetwork && namespace === 'net')
      errors.push(invalidField(field, name, "may not be specified when 'hostNetwork' is true"));
    else if (spec.hostIPC && namespace === 'ipc')
      errors.push(invalidField(field, name, "may not be specified when 'hostIPC' is true"));
  });
}

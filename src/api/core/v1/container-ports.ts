/** Ports of containers, each by itself and against each other on a node (core/validation validateContainerPorts). */
import type { V1ContainerPort, V1PodSpec } from '../../gen/types.ts';
import { addErrors, duplicateField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkPortName } from '../../machinery/names.ts';
import { checkPortNumber } from '../../machinery/ports.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import type { AnyContainer } from './container-defaults.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

export function validatePorts(ports: readonly V1ContainerPort[], path: string, errors: FieldError[]): void {
  const names = new Set<string>();
  ports.forEach(({ name, containerPort, hostPort, protocol }, i) => {
    const at = `${path}[${i}]`;
    if (name) {
      const complaints = checkPortName(name);
      for (const complaint of complaints) errors.push(invalidField(`${at}.name`, name, complaint));
      if (!complaints.length && names.has(name)) errors.push(duplicateField(`${at}.name`, name));
      names.add(name);
    }
    if (!containerPort) errors.push(requiredField(`${at}.containerPort`));
    else addErrors(errors, checkPortNumber(`${at}.containerPort`, containerPort));
    if (hostPort) addErrors(errors, checkPortNumber(`${at}.hostPort`, hostPort));
    if (!protocol) errors.push(requiredField(`${at}.protocol`));
    else if (!PROTOCOLS.includes(protocol)) errors.push(notSupportedField(`${at}.protocol`, protocol, PROTOCOLS));
  });
}

/** Two containers that run at the same time cannot have one port of a node. `path` is the list's. */
export function checkHostPorts(containers: readonly AnyContainer[], path: string, errors: FieldError[]): void {
  let taken: Set<string> | undefined;
  containers.forEach(({ ports }, i) => {
    ports?.forEach(({ hostPort, hostIP, protocol }, p) => {
      if (!hostPort) return;
      taken ??= new Set();
      const place = `${protocol ?? ''}/${hostIP ?? ''}/${hostPort}`;
      if (taken.has(place)) errors.push(duplicateField(`${path}[${i}].ports[${p}].hostPort`, place));
      taken.add(place);
    });
  });
}

/** On the node's own network, a container's port is the node's. In templates it may be left to the pods. */
export function checkHostNetworkPorts(spec: V1PodSpec, path: string, isPod: boolean, errors: FieldError[]): void {
  if (!spec.hostNetwork) return;
  spec.containers.forEach(({ ports }, i) => {
    ports?.forEach(({ hostPort = 0, containerPort }, p) => {
      if ((isPod || hostPort !== 0) && hostPort !== containerPort)
        errors.push(
          invalidField(
            `${path}.containers[${i}].ports[${p}].hostPort`,
            hostPort,
            'must match `containerPort` when `hostNetwork` is true',
          ),
        );
    });
  });
}

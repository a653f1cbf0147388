import type { V1PodSpec } from '../../gen/types.ts';
import type { AnyContainer } from './container-defaults.ts';

/** Visits all containers of a pod in the order that upstream visits them in, each with its path: `spec.initContainers[0]`. */
export function eachContainer(spec: V1PodSpec, path: string, visit: (container: AnyContainer, path: string) => void): void {
  const at = path && `${path}.`;
  spec.initContainers?.forEach((container, i) => {
    visit(container, `${at}initContainers[${i}]`);
  });
  spec.containers.forEach((container, i) => {
    visit(container, `${at}containers[${i}]`);
  });
  spec.ephemeralContainers?.forEach((container, i) => {
    visit(container, `${at}ephemeralContainers[${i}]`);
  });
}

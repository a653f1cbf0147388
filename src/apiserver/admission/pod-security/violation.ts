import type { V1Container, V1PodSpec } from '../../../api/gen/types.ts';

/** A pod, or a template of one, as the checks look at it. */
export interface CheckedPod {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: V1PodSpec;
}

/** What a pod does that a level does not allow. Texts are upstream's: clients and their scripts read them. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export type Check = (pod: CheckedPod) => Violation | undefined;

/** All containers of a pod, in upstream's order. */
export function containersOf({ initContainers = [], containers, ephemeralContainers = [] }: V1PodSpec): V1Container[] {
  return [...initContainers, ...(containers ?? []), ...(ephemeralContainers as V1Container[])];
}

/** The names of the containers for which something holds. */
export function namesWhere(spec: V1PodSpec, holds: (container: V1Container) => boolean): string[] {
  return containersOf(spec)
    .filter(holds)
    .map(({ name }) => name);
}

export const quoted = (items: Iterable<string>) => [...items].map((item) => `"${item}"`).join(', ');
export const sorted = (items: Iterable<string>) => [...new Set(items)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
export const plural = (count: number, one: string, many: string) => (count === 1 ? one : many);

/** `container "a"` or `containers "a", "b"`. */
export const containersNamed = (names: readonly string[]) =>
  `${plural(names.length, 'container', 'containers')} ${quoted(names)}`;

/** `pod and container "a"`: who sets something, the pod itself or containers of it. */
export function settersNamed(pod: boolean, containers: readonly string[]): string | undefined {
  const setters = [...(pod ? ['pod'] : []), ...(containers.length ? [containersNamed(containers)] : [])];
  return setters.length ? setters.join(' and ') : undefined;
}

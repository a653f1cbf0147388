import type { V1Container, V1LimitRange, V1Pod } from '../../../api/gen/types.ts';
import { sortedNames } from '../../../api/machinery/resource-list.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';

type Written = Readonly<Record<string, string>>;

/** Gives containers the requests and limits that they lack, in place, and writes into an annotation which these were. */
export function applyContainerDefaults(pod: V1Pod, { spec }: V1LimitRange): void {
  const items = spec?.limits?.filter(({ type }) => type === 'Container') ?? [];
  const merged = (lists: readonly (Written | undefined)[]): Written =>
    Object.fromEntries(lists.flatMap((list) => Object.entries(list ?? {})));
  const requests = merged(items.map((item) => item.defaultRequest));
  const limits = merged(items.map((item) => item.default));
  const notes = [
    ...(pod.spec?.containers ?? []).flatMap((container) =>
      complete(container, `container ${container.name}`, { requests, limits }),
    ),
    ...(pod.spec?.initContainers ?? []).flatMap((container) =>
      complete(container, `init container ${container.name}`, { requests, limits }),
    ),
  ];
  if (!notes.length) return;
  pod.metadata = {
    ...pod.metadata,
    annotations: { ...pod.metadata?.annotations, [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}` },
  };
}

function complete(container: V1Container, what: string, defaults: Readonly<Record<'requests' | 'limits', Written>>): string[] {
  const notes: string[] = [];
  for (const [field, word] of [
    ['requests', 'request'],
    ['limits', 'limit'],
  ] as const) {
    const present = container.resources?.[field] ?? {};
    const missing = sortedNames(Object.keys(defaults[field]).filter((name) => !Object.hasOwn(present, name)));
    if (!missing.length) continue;
    const given = Object.fromEntries(missing.map((name) => [name, defaults[field][name]!]));
    container.resources = { ...container.resources, [field]: { ...present, ...given } };
    notes.push(`${missing.join(', ')} ${word} for ${what}`);
  }
  return notes;
}

import type { V1Pod, V1PodSpec, V1PriorityClass } from '../../api/gen/types.ts';
import { priorityClassKind } from '../../api/scheduling/v1/priority-class.ts';
import type { AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';
import { SYSTEM_PRIORITY_CLASSES } from './system-priority-classes.ts';

interface Resolved {
  readonly name: string;
  readonly value: number;
  readonly preemptionPolicy: string;
}

const PRIORITY_CLASSES = 'priorityclasses.scheduling.k8s.io';
const PREEMPT = 'PreemptLowerPriority';

/** Those of the system count whether or not their objects are there. */
function systemClass(name: string): Resolved | undefined {
  const fields = Object.hasOwn(SYSTEM_PRIORITY_CLASSES, name) ? SYSTEM_PRIORITY_CLASSES[name] : undefined;
  return fields && { name, value: fields.value, preemptionPolicy: PREEMPT };
}

/** Turns the name of a priority class into the pod's priority, and keeps the default class the only one (plugin/pkg/admission/priority). */
export function createPriority(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'Priority',
    handles: (attributes) =>
      (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') &&
      (isAbout(attributes, 'pods') || isAbout(attributes, PRIORITY_CLASSES)),
    async admit(attributes) {
      const { spec } = attributes.object as unknown as V1Pod;
      if (!spec || attributes.kind.resource !== 'pods') return;
      if (attributes.operation === 'UPDATE') return keepPriority(spec, (attributes.oldObject as unknown as V1Pod).spec);
      const resolved = spec.priorityClassName ? await classNamed(spec.priorityClassName, reader) : defaultClass(reader);
      if (!resolved) throw refuse(attributes, `no PriorityClass with name ${spec.priorityClassName} was found`);
      if (spec.priority !== undefined && spec.priority !== resolved.value) {
        throw refuse(
          attributes,
          `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${resolved.value} from the given PriorityClass name`,
        );
      }
      if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== resolved.preemptionPolicy) {
        throw refuse(
          attributes,
          `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${resolved.preemptionPolicy} from the given PriorityClass name`,
        );
      }
      if (resolved.name) spec.priorityClassName = resolved.name;
      spec.priority = resolved.value;
      spec.preemptionPolicy = resolved.preemptionPolicy;
    },
    async validate(attributes) {
      if (attributes.kind.resource === 'pods') return;
      const { metadata, globalDefault } = attributes.object as unknown as V1PriorityClass;
      const other = globalDefault ? lowestDefault(reader)?.metadata?.name : undefined;
      if (other === undefined || (attributes.operation === 'UPDATE' && other === metadata?.name)) return;
      throw refuse(attributes, `PriorityClass ${other} is already marked as default. Only one default can exist`);
    },
  };
}

/** Who updates a pod need not repeat what was given to it here. */
function keepPriority(spec: V1PodSpec, before: V1PodSpec | undefined): void {
  if (before?.priority !== undefined) spec.priority ??= before.priority;
  if (before?.preemptionPolicy !== undefined) spec.preemptionPolicy ??= before.preemptionPolicy;
}

const toResolved = ({ metadata, value, preemptionPolicy }: V1PriorityClass): Resolved => ({
  name: metadata?.name ?? '',
  value: value ?? 0,
  preemptionPolicy: preemptionPolicy ?? PREEMPT,
});

async function classNamed(name: string, reader: ObjectReader): Promise<Resolved | undefined> {
  const get = () => reader.get(priorityClassKind, '', name) as unknown as V1PriorityClass | undefined;
  let found = get();
  if (!found && !systemClass(name)) {
    await reader.waitFresh(priorityClassKind);
    found = get();
  }
  return found ? toResolved(found) : systemClass(name);
}

/** Of several global defaults the lowest counts, as upstream. */
function lowestDefault(reader: ObjectReader): V1PriorityClass | undefined {
  const defaults = (reader.list(priorityClassKind) as unknown as V1PriorityClass[]).filter((each) => each.globalDefault);
  return defaults.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}

function defaultClass(reader: ObjectReader): Resolved {
  const lowest = lowestDefault(reader);
  return lowest ? toResolved(lowest) : { name: '', value: 0, preemptionPolicy: PREEMPT };
}

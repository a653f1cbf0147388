import type { V1Pod, V1PriorityClass } from '../../api/gen/types.ts';
import { priorityClassKind } from '../../api/scheduling/v1/priority-class.ts';
import type { AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';
import { SYSTEM_PRIORITY_CLASSES } from './system-priority-classes.ts';

interface Resolved {
  readonly name: string;
  readonly value: number;
  readonly preemptionPolicy: string;
}

const PREEMPT = 'PreemptLowerPriority';

/** Those of the system count whether or not their objects are there. */
function systemClass(name: string): Resolved | undefined {
  const fields = Object.hasOwn(SYSTEM_PRIORITY_CLASSES, name) ? SYSTEM_PRIORITY_CLASSES[name] : undefined;
  return fields && { name, value: fields.value, preemptionPolicy: PREEMPT };
}

/** Turns the name of a priority class into the pod's priority (plugin/pkg/admission/priority). */
export function createPriority(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'Priority',
    handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'pods'),
    async admit(attributes) {
      const { spec } = attributes.object as unknown as V1Pod;
      if (!spec) return;
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
  };
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
function defaultClass(reader: ObjectReader): Resolved {
  const defaults = (reader.list(priorityClassKind) as unknown as V1PriorityClass[]).filter((each) => each.globalDefault);
  const [lowest] = defaults.sort((a, b) => (a.value ?? 0) - (b.value ?? 0));
  return lowest ? toResolved(lowest) : { name: '', value: 0, preemptionPolicy: PREEMPT };
}

import type { V1Pod, V1RuntimeClass } from '../../api/gen/types.ts';
import { equalResourceLists, parseResourceList } from '../../api/machinery/resource-list.ts';
import { runtimeClassKind } from '../../api/node/v1/runtime-class.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';
import { mergeTolerations } from './tolerations.ts';

const MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

/** Gives pods the overhead of their runtime class and brings them to nodes that have it (plugin/pkg/admission/runtimeclass). */
export function createRuntimeClass(reader: ObjectReader): AdmissionPlugin {
  const find = async (attributes: AdmissionAttributes, name: string): Promise<V1RuntimeClass> => {
    const get = () => reader.get(runtimeClassKind, '', name) as unknown as V1RuntimeClass | undefined;
    let found = get();
    if (!found) {
      await reader.waitFresh(runtimeClassKind);
      found = get();
    }
    if (found) return found;
    throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  };
  const classOf = async (attributes: AdmissionAttributes): Promise<V1RuntimeClass | undefined> => {
    const name = (attributes.object as unknown as V1Pod).spec?.runtimeClassName;
    return name === undefined ? undefined : find(attributes, name);
  };
  return {
    name: 'RuntimeClass',
    handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'pods'),
    async admit(attributes) {
      const runtimeClass = await classOf(attributes);
      if (!runtimeClass) return;
      setOverhead(attributes, runtimeClass);
      setScheduling(attributes, runtimeClass);
    },
    async validate(attributes) {
      const overhead = (await classOf(attributes))?.overhead;
      const set = (attributes.object as unknown as V1Pod).spec?.overhead;
      if (overhead) {
        if (!sameAmounts(set, overhead.podFixed)) throw refuse(attributes, MISMATCH);
      } else if (set)
        throw refuse(attributes, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    },
  };
}

type Amounts = Readonly<Record<string, string>> | undefined;
const sameAmounts = (a: Amounts, b: Amounts) => equalResourceLists(parseResourceList(a), parseResourceList(b));

function setOverhead(attributes: AdmissionAttributes, { overhead }: V1RuntimeClass): void {
  const { spec } = attributes.object as unknown as V1Pod;
  if (!overhead || !spec) return;
  if (spec.overhead && !sameAmounts(spec.overhead, overhead.podFixed)) throw refuse(attributes, MISMATCH);
  if (overhead.podFixed) spec.overhead = { ...overhead.podFixed };
}

function setScheduling(attributes: AdmissionAttributes, { scheduling }: V1RuntimeClass): void {
  const { spec } = attributes.object as unknown as V1Pod;
  if (!scheduling || !spec) return;
  const selector = new Map(Object.entries(spec.nodeSelector ?? {}));
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = selector.get(key);
    if (own !== undefined && own !== value)
      throw refuse(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    selector.set(key, value);
  }
  if (selector.size) spec.nodeSelector = Object.fromEntries(selector);
  const tolerations = mergeTolerations(spec.tolerations ?? [], scheduling.tolerations ?? []);
  if (tolerations.length) spec.tolerations = tolerations;
}

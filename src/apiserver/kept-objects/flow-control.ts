import { flowSchemaKind } from '../../api/flowcontrol/v1/flow-schema.ts';
import { mandatoryFlowSchemas, mandatoryPriorityLevels } from '../../api/flowcontrol/v1/mandatory.ts';
import { priorityLevelConfigurationKind } from '../../api/flowcontrol/v1/priority-level-configuration.ts';
import { suggestedFlowSchemas, suggestedPriorityLevels } from '../../api/flowcontrol/v1/suggested.ts';
import { sameMeaning } from '../../api/machinery/field-checks.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { KeptObjectsDeps } from './keep-objects.ts';

/** Says whether the server keeps an object's spec. */
const AUTOUPDATE = 'apf.kubernetes.io/autoupdate-spec';

/**
 * Makes the priority levels and flow schemas that upstream's server makes (flowcontrol/ensurer). The mandatory ones are put back as they
 * were whenever they are changed; of the others those alone that nobody has taken over.
 */
export async function ensureFlowControl(deps: KeptObjectsDeps, isOver: () => boolean): Promise<void> {
  const { kinds } = deps;
  const groups: readonly (readonly [KindDefinition, Specs, Specs])[] = [
    [priorityLevelConfigurationKind, mandatoryPriorityLevels, suggestedPriorityLevels],
    [flowSchemaKind, mandatoryFlowSchemas, suggestedFlowSchemas],
  ];
  for (const [kind, mandatory, suggested] of groups) {
    if (!kinds.includes(kind)) continue;
    for (const [name, spec] of Object.entries({ ...mandatory, ...suggested }))
      if (!isOver()) await ensure(deps, kind, name, spec, Object.hasOwn(mandatory, name));
    if (!isOver()) await removeFormer(deps, kind, { ...mandatory, ...suggested });
  }
}

type Specs = Readonly<Record<string, unknown>>;

async function ensure(
  { reader, writer }: KeptObjectsDeps,
  kind: KindDefinition,
  name: string,
  spec: unknown,
  isMandatory: boolean,
): Promise<void> {
  const metadata = { name, annotations: { [AUTOUPDATE]: 'true' } };
  const wanted = structuredClone({ metadata, spec }) as unknown as DynamicObject;
  const existing = reader.get(kind, '', name);
  if (!existing) {
    await writer.create(kind, wanted).catch((error) => {
      if (!isStatus(error, 'AlreadyExists')) throw error;
    });
    return;
  }
  kind.setDefaults?.(wanted);
  const change = (object: DynamicObject): DynamicObject | undefined => {
    const isKept = isMandatory || keepsSpec(object);
    const annotated = object.metadata.annotations?.[AUTOUPDATE] === String(isKept);
    const isCurrent = !isKept || sameMeaning(object['spec'], wanted['spec']);
    if (annotated && isCurrent) return undefined;
    const annotations = { ...object.metadata.annotations, [AUTOUPDATE]: String(isKept) };
    return { ...object, metadata: { ...object.metadata, annotations }, ...(isKept && { spec: wanted['spec'] }) };
  };
  if (change(existing)) await writer.modify(kind, '', name, change);
}

/** Without a word about it, a spec is the server's as long as it is the one it was made with. */
function keepsSpec({ metadata }: DynamicObject): boolean {
  const said = metadata.annotations?.[AUTOUPDATE];
  return said === undefined ? (metadata['generation'] ?? 0) === 1 : said === 'true';
}

/** Objects that servers of other versions made and that are not wanted any more. */
async function removeFormer({ reader, writer }: KeptObjectsDeps, kind: KindDefinition, wanted: Specs): Promise<void> {
  for (const { metadata } of reader.list(kind)) {
    const { name = '', annotations } = metadata;
    if (annotations?.[AUTOUPDATE] !== 'true' || Object.hasOwn(wanted, name)) continue;
    await writer.delete(kind, '', name).catch((error) => {
      if (!isStatus(error, 'NotFound')) throw error;
    });
  }
}

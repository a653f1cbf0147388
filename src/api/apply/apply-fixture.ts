/** What the tests of this folder share: several who apply to and write one object, without a server. */
import { runAtOnce } from '../../std/pauses.ts';
import { equalJson } from '../machinery/clone.ts';
import { decodeObject } from '../machinery/decode.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { builtInType } from './built-in-type.ts';
import { checkConfiguration } from './check-configuration.ts';
import { pathsOf } from './field-set.ts';
import { sameInAllVersions } from './kind-versions.ts';
import { type Manager, type Managers, sameOwners, writeManagedFields } from './managed-fields.ts';
import type { StructureType } from './object-type.ts';
import { formatPath } from './path-element.ts';
import { planApply } from './plan-apply.ts';
import { withoutAbsent } from './present-fields.ts';
import { trackCreate, trackUpdate, type Writer } from './track-update.ts';

export class Applied {
  readonly kind: KindDefinition;
  readonly type: StructureType;
  object: DynamicObject;
  managers: Managers = new Map();
  #seconds = 0;

  constructor(kind: KindDefinition) {
    this.kind = kind;
    this.type = builtInType(kind.schema);
    this.object = { ...this.#names(), metadata: {} };
  }

  #names() {
    const { group, version, kind } = this.kind;
    return { apiVersion: group ? `${group}/${version}` : version, kind };
  }

  writer(manager: string, operation: Manager['operation'], subresource = ''): Writer {
    const time = new Date(++this.#seconds * 1_000).toISOString().replace('.000', '');
    return { manager, operation, apiVersion: this.#names().apiVersion, subresource, time };
  }

  /** Throws the conflicts. */
  apply(manager: string, configuration: object, { force = false } = {}): this {
    const given = structuredClone({ ...this.#names(), metadata: { name: 'x' }, ...configuration }) as DynamicObject;
    given.metadata = { name: 'x', ...given.metadata };
    const errors = checkConfiguration(this.type, given);
    if (errors.length) throw new Error(errors.join('\n'));
    const request = {
      type: this.type,
      versions: sameInAllVersions(this.type),
      live: this.object,
      managers: this.managers,
      configuration: given,
      writer: this.writer(manager, 'Apply'),
      force,
      except: [],
    };
    const plan = runAtOnce(planApply(request));
    const object = plan.object ? this.#decoded(plan.object) : this.object;
    const managers = runAtOnce(withoutAbsent(this.type, object, plan.managers));
    // As the server does: a write that changes nothing but times changes nothing.
    if (equalJson(object, this.object) && sameOwners(managers, this.managers)) return this;
    this.object = object;
    this.managers = managers;
    return this;
  }

  /** A plain write of the whole object, as create or update. */
  write(manager: string, object: object): this {
    const after = this.#decoded({ ...this.#names(), metadata: { name: 'x' }, ...structuredClone(object) } as DynamicObject);
    const writer = this.writer(manager, 'Update');
    if (!this.object.metadata.name) {
      const [entry] = trackCreate(this.type, after, writer, []) ?? [];
      if (entry) this.managers = new Map([['', { ...writer, fields: entry.fieldsV1 as Manager['fields'] }]]);
    } else
      this.managers = runAtOnce(
        trackUpdate({
          ...{ type: this.type, versions: sameInAllVersions(this.type), before: this.object, after },
          ...{ managers: this.managers, writer },
        }),
      );
    this.object = after;
    return this;
  }

  #decoded(object: DynamicObject): DynamicObject {
    return decodeObject(this.kind, structuredClone(object)).object;
  }

  /** The paths that a manager owns, sorted. */
  owned(manager: string): string[] {
    const fields = [...this.managers.values()].filter((m) => m.manager === manager).map((m) => m.fields);
    return fields.flatMap((set) => [...pathsOf(set)].map(formatPath)).sort();
  }

  get entries() {
    return writeManagedFields(this.managers);
  }
}

import type { ScalarName } from '../machinery/schema.ts';

/**
 * A type as apply sees it: what its fields are and who can own them one by one. Made of a built-in schema by `built-in-type.ts`; a
 * custom resource's is made of its OpenAPI schema.
 */
export type ObjectType = ScalarType | StructureType | MapType | ListType;

export interface ScalarType {
  readonly form: 'scalar';
  /** `any` holds whatever JSON does and is owned as a whole. */
  readonly name: ScalarName;
}

export interface StructureType {
  readonly form: 'structure';
  readonly atomic: boolean;
  readonly fields: ReadonlyMap<string, StructureField>;
  /** Of fields that are not named, where they may be. */
  readonly rest?: () => ObjectType;
}

export interface StructureField {
  /** `f:` and the name. */
  readonly element: string;
  /** Looked up when used: types may contain themselves. */
  readonly type: () => ObjectType;
  /** What the field is where it is not given, for those that Go always writes; undefined for those that it leaves out. Not to be changed. */
  readonly absent: unknown;
  /** What Go leaves out of the field where it has it, being the same as nothing there. */
  readonly zero?: unknown;
  /** Taken for the same in any two objects: managed fields, which nobody owns. */
  readonly ignored: boolean;
}

export interface MapType {
  readonly form: 'map';
  /** Of what nobody has described: what is no map in it is owned as a whole. */
  readonly undescribed?: boolean;
  readonly atomic: boolean;
  readonly element: () => ObjectType;
}

export interface ListType {
  readonly form: 'list';
  readonly relation: 'atomic' | 'set' | 'keyed';
  /** Of keyed lists, in the order of their names, with the value of one that is left out (undefined: it may not be). */
  readonly keys: readonly { readonly name: string; readonly default: unknown }[];
  readonly element: () => ObjectType;
}

/** Whether a value of the type is owned as a whole. */
export function isAtomic(type: ObjectType): boolean {
  if (type.form === 'scalar') return true;
  return type.form === 'list' ? type.relation === 'atomic' : type.atomic;
}

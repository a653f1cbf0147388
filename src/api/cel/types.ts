/** The types of the Common Expression Language, as far as Kubernetes uses them. */

/** `maxElements`: how large a value can be that comes from a schema; the cost estimate alone reads it. */
interface Sized {
  readonly maxElements?: number;
}

export type SimpleName =
  | 'dyn'
  | 'any'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'timestamp'
  | 'duration'
  | 'error';

export interface SimpleType extends Sized {
  readonly form: 'simple';
  readonly name: SimpleName;
}
export interface ListType extends Sized {
  readonly form: 'list';
  readonly of: CelType;
}
export interface MapType extends Sized {
  readonly form: 'map';
  readonly key: CelType;
  readonly of: CelType;
}
/** Fields are looked up when they are needed, so that a type can hold itself. Two objects of one name are of one type. */
export interface ObjectType extends Sized {
  readonly form: 'object';
  readonly name: string;
  readonly field: (name: string) => CelType | undefined;
  /** Whether `Name{field: value}` makes one. */
  readonly constructible?: boolean;
}
/** Values that only functions look into: quantities, URLs, addresses. */
export interface OpaqueType extends Sized {
  readonly form: 'opaque';
  readonly name: string;
  readonly parameters: readonly CelType[];
}
/** The type of a type: `type(1)` is `type(int)`. */
export interface TypeType extends Sized {
  readonly form: 'type';
  readonly of: CelType | undefined;
}
/** `A` in `list(A)`; `id` is given when a declaration is used. */
export interface ParameterType extends Sized {
  readonly form: 'parameter';
  readonly name: string;
}
export type CelType = SimpleType | ListType | MapType | ObjectType | OpaqueType | TypeType | ParameterType;

const simple = (name: SimpleName): SimpleType => ({ form: 'simple', name });
export const DYN = simple('dyn');
/** As `dyn`, but for loops, which do not go over it (cel-go's `google.protobuf.Any`). */
export const ANY = simple('any');
export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const NULL = simple('null');
export const TIMESTAMP = simple('timestamp');
export const DURATION = simple('duration');
/** The type of what could not be checked: fits everything, so that one mistake is told once. */
export const ERROR = simple('error');

export const listOf = (of: CelType, maxElements?: number): ListType => ({
  form: 'list',
  of,
  ...(maxElements !== undefined && { maxElements }),
});
export const mapOf = (key: CelType, of: CelType, maxElements?: number): MapType => ({
  form: 'map',
  key,
  of,
  ...(maxElements !== undefined && { maxElements }),
});
export const opaque = (name: string, ...parameters: CelType[]): OpaqueType => ({ form: 'opaque', name, parameters });
export const optionalOf = (of: CelType): OpaqueType => opaque('optional_type', of);
export const typeOf = (of?: CelType): TypeType => ({ form: 'type', of });
export const parameter = (name: string): ParameterType => ({ form: 'parameter', name });
export const sized = <T extends CelType>(type: T, maxElements: number): T => ({ ...type, maxElements });
/** An object whose fields are all known. */
export const objectOf = (name: string, fields: ReadonlyMap<string, CelType>): ObjectType => ({
  form: 'object',
  name,
  field: (field) => fields.get(field),
});

export const isDyn = (type: CelType): boolean =>
  type.form === 'simple' && (type.name === 'dyn' || type.name === 'any' || type.name === 'error');
export const isOptional = (type: CelType): type is OpaqueType => type.form === 'opaque' && type.name === 'optional_type';

/** As error messages show types (cel-go checker/format.go): `map(string, list(int))`. */
export function formatType(type: CelType): string {
  switch (type.form) {
    case 'simple':
      return type.name === 'error' ? '!error!' : type.name;
    case 'list':
      return `list(${formatType(type.of)})`;
    case 'map':
      return `map(${formatType(type.key)}, ${formatType(type.of)})`;
    case 'object':
    case 'parameter':
      return type.name;
    case 'opaque':
      return type.parameters.length ? `${type.name}(${type.parameters.map(formatType).join(', ')})` : type.name;
    case 'type':
      return type.of ? `type(${formatType(type.of)})` : 'type';
  }
}

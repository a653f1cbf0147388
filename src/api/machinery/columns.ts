/** Builds the columns of server-side tables. */
import { ageOf } from './human-duration.ts';
import type { Column } from './kind.ts';
import type { KubeObject } from './object.ts';

type CellOf<T, V> = (object: T, nowMs: number) => V;

function column<T extends KubeObject>(
  name: string,
  type: Column['type'],
  description: string,
  cell: CellOf<T, string | number | boolean>,
): Column {
  return { name, type, description, priority: 0, cell: (object, nowMs) => cell(object as KubeObject as T, nowMs) };
}

/** `T` is the kind's generated type, whose fields the cell reads; everything but what the schema requires may be missing. */
export const textColumn = <T extends KubeObject>(name: string, description: string, cell: CellOf<T, string | number>): Column =>
  column(name, 'string', description, cell);

/** A column of counts. Missing numbers are the caller's to turn into 0. */
export const numberColumn = <T extends KubeObject>(name: string, description: string, cell: CellOf<T, number | string>): Column =>
  column(name, 'integer', description, cell);

export const booleanColumn = <T extends KubeObject>(
  name: string,
  description: string,
  cell: CellOf<T, boolean | string>,
): Column => column(name, 'boolean', description, cell);

/** The same columns, shown with `-o wide` only. */
export const wide = (...columns: readonly Column[]): Column[] => columns.map((each) => ({ ...each, priority: 1 }));

/** As the API describes metadata.name. */
const NAME =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names';

export const nameColumn: Column = {
  ...column('Name', 'string', NAME, ({ metadata }) => metadata?.name ?? ''),
  format: 'name',
};

export const ageColumn: Column = textColumn('Age', 'The time since the object was created.', ({ metadata }, nowMs) =>
  ageOf(metadata?.creationTimestamp, nowMs),
);

/** What kinds without columns of their own show. */
export const DEFAULT_COLUMNS: readonly Column[] = [
  nameColumn,
  { ...column('Created At', 'date', 'The time at which the object was created.', createdAt) },
];

function createdAt({ metadata }: KubeObject): string {
  return metadata?.creationTimestamp ?? '';
}

/** A structure's field as text when it is there, else the placeholder. */
export const orElse = (value: string | number | undefined | null, placeholder: string): string =>
  value === undefined || value === null || value === '' ? placeholder : String(value);

export const NONE = '<none>';
export const UNSET = '<unset>';

/** `a=1,b=2`, sorted, or `<none>`. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length ? pairs.sort().join(',') : NONE;
}

/** The first few of a list and how many more there are. */
export function formatSome(items: readonly string[], most: number, separator = ',', all = items.length): string {
  const shown = items.slice(0, most).join(separator);
  return all > most ? `${shown} + ${all - most} more...` : shown;
}

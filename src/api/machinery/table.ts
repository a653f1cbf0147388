/** The server-side tables that `kubectl get` prints (meta/v1 Table). */
import { DEFAULT_COLUMNS } from './columns.ts';
import type { KindDefinition, RowCondition } from './kind.ts';
import type { DynamicObject, ListMeta } from './object.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

export interface TableRow {
  readonly cells: readonly (string | number | bigint | boolean | null)[];
  readonly conditions?: readonly RowCondition[];
  readonly object?: object | null;
}

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: string;
  readonly metadata: ListMeta;
  /** Null in all events of a watch but the first. */
  readonly columnDefinitions: readonly TableColumn[] | null;
  readonly rows: readonly TableRow[];
}

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions {
  readonly nowMs: number;
  /** What of the object goes along with its row; clients ask for it with `includeObject`. Default `Metadata`. */
  readonly includeObject?: IncludeObject;
  readonly listMeta?: ListMeta;
  /** In which version of its group a client wants the table and what is in it; default `meta.k8s.io/v1`. */
  readonly apiVersion?: string;
  /** Leaves out the column definitions. */
  readonly noHeaders?: boolean;
}

/** One row an object. Objects are in the kind's own version. */
export function renderTable(kind: KindDefinition, objects: readonly DynamicObject[], options: TableOptions): Table {
  const columns = kind.columns.length ? kind.columns : DEFAULT_COLUMNS;
  const { apiVersion = 'meta.k8s.io/v1', includeObject = 'Metadata' } = options;
  return {
    kind: 'Table',
    apiVersion,
    metadata: options.listMeta ?? {},
    columnDefinitions: options.noHeaders
      ? null
      : columns.map(({ name, type, format = '', description, priority }) => ({ name, type, format, description, priority })),
    rows: objects.map((object) => {
      const conditions = kind.rowConditions?.(object) ?? [];
      return {
        cells: columns.map((column) => column.cell(object, options.nowMs)),
        ...(conditions.length && { conditions }),
        ...includedObject(object, includeObject, apiVersion),
      };
    }),
  };
}

/** The object as a row carries it: its metadata alone (meta/v1 PartialObjectMetadata), all of it, or nothing. */
function includedObject(object: DynamicObject, include: IncludeObject, apiVersion: string): { object: object | null } {
  switch (include) {
    case 'None':
      return { object: null };
    case 'Metadata':
      return { object: { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata } };
    case 'Object':
      return { object };
  }
}

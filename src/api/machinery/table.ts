/** The server-side tables that `kubectl get` prints (meta/v1 Table). */
import { DEFAULT_COLUMNS } from './columns.ts';
import type { KindDefinition, RowCondition } from './kind.ts';
import type { DynamicObject, ListMeta, ObjectMeta } from './object.ts';

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
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly metadata: ListMeta;
  /** Null in all events of a watch but the first. */
  readonly columnDefinitions: readonly TableColumn[] | null;
  readonly rows: readonly TableRow[];
}

export interface TableOptions {
  readonly nowMs: number;
  /** What of the object goes along with its row; clients ask for it with `includeObject`. Default `Metadata`. */
  readonly includeObject?: 'None' | 'Metadata' | 'Object';
  readonly listMeta?: ListMeta;
  /** Leaves out the column definitions. */
  readonly noHeaders?: boolean;
}

/** One row an object. Objects are in the kind's own version. */
export function renderTable(kind: KindDefinition, objects: readonly DynamicObject[], options: TableOptions): Table {
  const columns = kind.columns.length ? kind.columns : DEFAULT_COLUMNS;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.listMeta ?? {},
    columnDefinitions: options.noHeaders
      ? null
      : columns.map(({ name, type, format = '', description, priority }) => ({ name, type, format, description, priority })),
    rows: objects.map((object) => {
      const conditions = kind.rowConditions?.(object) ?? [];
      return {
        cells: columns.map((column) => column.cell(object, options.nowMs)),
        ...(conditions.length && { conditions }),
        ...includedObject(object, options.includeObject ?? 'Metadata'),
      };
    }),
  };
}

function includedObject(object: DynamicObject, include: 'None' | 'Metadata' | 'Object'): { object: object | null } {
  switch (include) {
    case 'None':
      return { object: null };
    case 'Metadata':
      return { object: partialObjectMetadata(object) };
    case 'Object':
      return { object };
  }
}

/** The object as clients see it that want metadata only (meta/v1 PartialObjectMetadata). */
export function partialObjectMetadata(object: DynamicObject): { kind: string; apiVersion: string; metadata: ObjectMeta } {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

import { equalJson } from '../../machinery/clone.ts';
import type { DefinitionSpec, DefinitionVersion, PrinterColumn, Subresources } from './definition.ts';

type Schema = DefinitionVersion['schema'];
type SelectableFields = DefinitionVersion['selectableFields'];

/** What can be said once for all versions. */
export interface SharedParts {
  readonly schema: Schema;
  readonly subresources: Subresources | undefined;
  readonly columns: readonly PrinterColumn[] | undefined;
  readonly selectableFields: SelectableFields;
}

/**
 * A definition as upstream checks it: what is the same in all versions (of which there is often one) is said once at the top, so that
 * errors are told of `spec.validation.openAPIV3Schema` rather than of `spec.versions[0].schema`.
 */
export interface InternalForm {
  readonly shared: SharedParts;
  /** Without what is shared. */
  readonly versions: readonly DefinitionVersion[];
}

export function internalForm({ versions }: DefinitionSpec): InternalForm {
  const [first] = versions;
  const schema = sharedOf(versions, (v) => v.schema);
  const subresources = sharedOf(versions, (v) => v.subresources);
  const columns = sharedOf(versions, (v) => v.additionalPrinterColumns);
  const selectableFields = sharedOf(versions, (v) => v.selectableFields);
  return {
    shared: {
      schema: schema ? first?.schema : undefined,
      subresources: subresources ? first?.subresources : undefined,
      columns: columns ? first?.additionalPrinterColumns : undefined,
      selectableFields: selectableFields ? first?.selectableFields : undefined,
    },
    versions: versions.map((version) => ({
      ...version,
      ...(schema && { schema: undefined }),
      ...(subresources && { subresources: undefined }),
      ...(columns && { additionalPrinterColumns: undefined }),
      ...(selectableFields && { selectableFields: undefined }),
    })) as DefinitionVersion[],
  };
}

function sharedOf(versions: readonly DefinitionVersion[], part: (version: DefinitionVersion) => unknown): boolean {
  const [first, ...others] = versions;
  return first !== undefined && others.every((other) => equalJson(part(other) ?? null, part(first) ?? null));
}

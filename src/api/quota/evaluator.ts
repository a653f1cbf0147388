import type { DynamicObject } from '../machinery/object.ts';
import type { ResourceList } from '../machinery/resource-list.ts';

/** core/v1 ScopedResourceSelectorRequirement; a plain scope is one that `Exists`. */
export interface ScopeRequirement {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** The part of a write by which it is decided whether it can change usage. */
export interface MeasuredWrite {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly subresource: string;
  readonly object: DynamicObject;
  readonly oldObject: DynamicObject | undefined;
}

/** Measures the objects of one kind for quotas (apiserver/pkg/quota/v1/interfaces.go). Pure. */
export interface QuotaEvaluator {
  readonly group: string;
  readonly resource: string;
  /** Whether a write of this kind may use more of something. */
  handles(write: MeasuredWrite): boolean;
  /** The resources, of those named, that objects of this kind use. */
  matchingResources(names: Iterable<string>): string[];
  /** Whether an object is within a scope. Absent: objects of this kind are within none. */
  matchesScope?(scope: ScopeRequirement, object: DynamicObject): boolean;
  /** What an object lacks that a quota on `required` demands of it, as a message; undefined when it lacks nothing. */
  complaint?(required: ReadonlySet<string>, object: DynamicObject): string | undefined;
  usage(object: DynamicObject, nowMs: number): ResourceList;
}

/** `count/pods`, `count/deployments.apps`. */
export function countName({ group, resource }: { readonly group: string; readonly resource: string }): string {
  return group ? `count/${resource}.${group}` : `count/${resource}`;
}

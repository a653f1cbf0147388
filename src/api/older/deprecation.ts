/** `extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable in v1.22+; use …` (apiserver/pkg/endpoints/deprecation). */
export interface Lifecycle {
  /** The minor version in which it was said to go. */
  readonly deprecated: number;
  readonly removed: number;
  /** The version that takes its place, with the kind if that is called otherwise. */
  readonly replacement: string;
}

export function deprecationWarning(groupVersion: string, kind: string, { deprecated, removed, replacement }: Lifecycle): string {
  return `${groupVersion} ${kind} is deprecated in v1.${deprecated}+, unavailable in v1.${removed}+; use ${replacement} ${kind}`;
}

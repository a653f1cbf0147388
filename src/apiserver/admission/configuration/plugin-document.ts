/** One plugin's own configuration, with where it stands for messages. */
export interface PluginDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly document: Readonly<Record<string, unknown>>;
  fail(problem: string): Error;
}

import type { Clock } from '../std/clock.ts';
import type { Handler } from './contracts.ts';
import type { KindRegistry } from './kinds/kind-registry.ts';
import { GIT_VERSION } from './version.ts';

/** The OpenAPI handler, loaded with the first request for a document: nothing of it is needed to start. */
export function createLazyOpenApi(kinds: KindRegistry, clock: Clock): Handler {
  let loading: Promise<Handler> | undefined;
  const load = async (): Promise<Handler> => {
    const [{ createOpenApiHandler }, { patchStrategyOf, patchStrategyText }, { goTypeName, schemaTable }, notes] =
      await Promise.all([
        import('./openapi/serve-openapi.ts'),
        import('../api/patch/merge-keys.ts'),
        import('../api/machinery/schema.ts'),
        import('../api/gen/descriptions.ts').then(({ loadFieldNotes }) => loadFieldNotes()),
      ]);
    return createOpenApiHandler({
      kinds,
      schemas: () => schemaTable,
      mergeRule: (schema, field) => {
        const strategy = patchStrategyOf(goTypeName(schema).name, field);
        return strategy && { ...strategy, strategy: patchStrategyText(strategy) };
      },
      notes,
      version: GIT_VERSION,
      clock,
    });
  };
  return async (context, response) => {
    loading ??= load();
    return (await loading)(context, response);
  };
}

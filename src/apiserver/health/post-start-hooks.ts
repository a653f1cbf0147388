import type { HealthCheck } from './health-checks.ts';

const ADMISSION = 'poststarthook/rbac/bootstrap-roles';
const DEFAULT_OBJECTS = 'poststarthook/start-system-namespaces-controller';
const AGGREGATION = 'autoregister-completion';
/** Caches are full before the server listens. */
const BEFORE_LISTENING = '';

/**
 * What upstream's health checks are called, in its order, each with the check here that says the same: monitors, and upstream's own suite
 * (test/e2e/apimachinery/health_handlers.go), look for the names.
 */
const HOOKS: readonly (readonly [name: string, standsFor: string])[] = [
  ['poststarthook/start-apiserver-admission-initializer', ADMISSION],
  ['poststarthook/generic-apiserver-start-informers', BEFORE_LISTENING],
  ['poststarthook/storage-object-count-tracker-hook', BEFORE_LISTENING],
  ['poststarthook/start-apiextensions-informers', BEFORE_LISTENING],
  ['poststarthook/start-apiextensions-controllers', BEFORE_LISTENING],
  ['poststarthook/crd-informer-synced', BEFORE_LISTENING],
  [DEFAULT_OBJECTS, DEFAULT_OBJECTS],
  ['poststarthook/start-cluster-authentication-info-controller', DEFAULT_OBJECTS],
  ['poststarthook/storage-readiness', BEFORE_LISTENING],
  [ADMISSION, ADMISSION],
  ['poststarthook/scheduling/bootstrap-system-priority-classes', ADMISSION],
  ['poststarthook/bootstrap-controller', DEFAULT_OBJECTS],
  ['poststarthook/start-kube-aggregator-informers', BEFORE_LISTENING],
  ['poststarthook/apiservice-status-local-available-controller', AGGREGATION],
  ['poststarthook/apiservice-status-remote-available-controller', AGGREGATION],
  ['poststarthook/apiservice-registration-controller', AGGREGATION],
  ['poststarthook/apiservice-discovery-controller', AGGREGATION],
  ['poststarthook/kube-apiserver-autoregistration', AGGREGATION],
  [AGGREGATION, AGGREGATION],
  ['poststarthook/apiservice-openapi-controller', AGGREGATION],
  ['poststarthook/apiservice-openapiv3-controller', AGGREGATION],
];

/** The checks of a server's start under all the names that upstream has for them; those that upstream has not come last. */
export function postStartHooks(checks: readonly HealthCheck[]): HealthCheck[] {
  const byName = new Map(checks.map((check) => [check.name, check]));
  const hooks = HOOKS.flatMap(([name, standsFor]): HealthCheck[] => {
    if (standsFor === BEFORE_LISTENING) return [{ name, check: () => Promise.resolve() }];
    const own = byName.get(standsFor);
    return own ? [{ name, check: own.check }] : [];
  });
  const named = new Set(hooks.map(({ name }) => name));
  return [...hooks, ...checks.filter(({ name }) => !named.has(name))];
}

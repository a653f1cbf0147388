/** Which webhooks a request is to be shown to. */
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import { forbidden } from '../../../api/machinery/status-error.ts';
import { runInTurns } from '../../../std/turn-pace.ts';
import type { AdmissionAttributes, Authorizer, ObjectReader } from '../../contracts.ts';
import type { AdmissionMetrics } from '../../metrics/admission-metrics.ts';
import { AuthorizerDecisions } from '../matching/authorizer-decisions.ts';
import { convertBetween } from '../matching/equivalent-kinds.ts';
import type { CompiledCondition } from '../matching/match-conditions.ts';
import type { Webhook } from './webhook-list.ts';

export interface ConditionDeps {
  readonly reader: ObjectReader;
  readonly authorizer: Authorizer;
  readonly metrics?: AdmissionMetrics | undefined;
}

/** Decides about match conditions, compiling each webhook's when they are first met. */
export class WebhookConditions {
  readonly #deps: ConditionDeps;
  readonly #compiled = new WeakMap<Webhook, Promise<readonly CompiledCondition[]>>();
  readonly #type: 'admit' | 'validate';

  constructor(deps: ConditionDeps, type: 'admit' | 'validate') {
    this.#deps = deps;
    this.#type = type;
  }

  /**
   * Whether the conditions of a webhook that matches otherwise hold. Rejects with a 403 when they cannot be decided and the failure
   * policy is `Fail`.
   */
  async hold(webhook: Webhook, attributes: AdmissionAttributes, kind: KindDefinition): Promise<boolean> {
    if (!webhook.hook.matchConditions?.length) return true;
    const holds = await this.#evaluate(webhook, attributes, kind);
    if (!holds) this.#deps.metrics?.excluded(webhook.hook.name, this.#type, attributes.operation);
    return holds;
  }

  async #evaluate(webhook: Webhook, attributes: AdmissionAttributes, kind: KindDefinition): Promise<boolean> {
    const { hook } = webhook;
    const { compileConditions, ConditionFailure, conditionsHold } = await import('../matching/match-conditions.ts');
    let compiling = this.#compiled.get(webhook);
    if (!compiling) {
      compiling = Promise.resolve(runInTurns(compileConditions(hook.matchConditions, { params: false })));
      this.#compiled.set(webhook, compiling);
    }
    const compiled = await compiling;
    const { authorizer, metrics } = this.#deps;
    const of = { metrics, name: hook.name, kind: 'webhook', type: this.#type } as const;
    const [object, oldObject] = await Promise.all(
      [attributes.object, attributes.oldObject].map((one) => (one ? convertBetween(one, attributes.kind, kind) : undefined)),
    );
    const decisions = new AuthorizerDecisions(authorizer, attributes.user);
    try {
      const nothing = { namespace: undefined, params: undefined, variables: [] };
      return await conditionsHold(compiled, { attributes, kind, object, oldObject, decisions, ...nothing }, of);
    } catch (error) {
      if (!(error instanceof ConditionFailure)) throw error;
      if (hook.failurePolicy === 'Ignore') return false;
      throw forbidden(attributes.kind, attributes.name, error.message);
    }
  }
}

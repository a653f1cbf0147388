/** Which webhooks a request is to be shown to. */
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import { forbidden } from '../../../api/machinery/status-error.ts';
import type { AdmissionAttributes, Authorizer, ObjectReader } from '../../contracts.ts';
import { AuthorizerDecisions } from '../matching/authorizer-decisions.ts';
import { convertBetween } from '../matching/equivalent-kinds.ts';
import type { CompiledCondition } from '../matching/match-conditions.ts';
import type { Webhook } from './webhook-list.ts';

export interface ConditionDeps {
  readonly reader: ObjectReader;
  readonly authorizer: Authorizer;
}

/** Decides about match conditions, compiling each webhook's when they are first met. */
export class WebhookConditions {
  readonly #deps: ConditionDeps;
  readonly #compiled = new WeakMap<Webhook, readonly CompiledCondition[]>();

  constructor(deps: ConditionDeps) {
    this.#deps = deps;
  }

  /**
   * Whether the conditions of a webhook that matches otherwise hold. Rejects with a 403 when they cannot be decided and the failure
   * policy is `Fail`.
   */
  async hold(webhook: Webhook, attributes: AdmissionAttributes, kind: KindDefinition): Promise<boolean> {
    const { hook } = webhook;
    if (!hook.matchConditions?.length) return true;
    const { compileConditions, ConditionFailure, conditionsHold } = await import('../matching/match-conditions.ts');
    const compiled = this.#compiled.get(webhook) ?? compileConditions(hook.matchConditions, { params: false });
    this.#compiled.set(webhook, compiled);
    const { authorizer } = this.#deps;
    const [object, oldObject] = await Promise.all(
      [attributes.object, attributes.oldObject].map((one) => (one ? convertBetween(one, attributes.kind, kind) : undefined)),
    );
    const decisions = new AuthorizerDecisions(authorizer, attributes.user);
    try {
      return await conditionsHold(compiled, {
        attributes,
        kind,
        object,
        oldObject,
        namespace: undefined,
        params: undefined,
        decisions,
        variables: [],
      });
    } catch (error) {
      if (!(error instanceof ConditionFailure)) throw error;
      if (hook.failurePolicy === 'Ignore') return false;
      throw forbidden(attributes.kind, attributes.name, error.message);
    }
  }
}

/** Lets expressions ask the authorizer: decisions are remembered for the length of one request (apiserver/pkg/admission/plugin/authorizer). */
import type { CheckDecision, CheckRequest, Decide } from '../../../api/cel/library/authorizer.ts';
import type { Authorizer, UserInfo } from '../../contracts.ts';

export class AuthorizerDecisions {
  readonly #authorizer: Authorizer;
  readonly #user: UserInfo;
  readonly #known = new Map<string, CheckDecision>();

  constructor(authorizer: Authorizer, user: UserInfo) {
    this.#authorizer = authorizer;
    this.#user = user;
  }

  /** For expressions: undefined until `settle` has decided. */
  readonly decide: Decide = (request) => this.#known.get(JSON.stringify(request));

  async settle(request: CheckRequest): Promise<void> {
    const decision = await this.#authorizer.authorize({
      user: request.serviceAccount ? serviceAccount(request.serviceAccount) : this.#user,
      isResourceRequest: request.path === undefined,
      verb: request.verb ?? '',
      path: request.path ?? '',
      group: request.group ?? '',
      version: request.path === undefined ? '*' : '',
      namespace: request.namespace ?? '',
      resource: request.resource ?? '',
      subresource: request.subresource ?? '',
      name: request.name ?? '',
      ...(request.fieldSelector && { fieldSelector: request.fieldSelector }),
      ...(request.labelSelector && { labelSelector: request.labelSelector }),
    });
    this.#known.set(JSON.stringify(request), {
      allowed: decision.decision === 'allow',
      reason: decision.reason,
      ...(decision.evaluationError !== undefined && { error: decision.evaluationError }),
    });
  }
}

const serviceAccount = ({ namespace, name }: { readonly namespace: string; readonly name: string }): UserInfo => ({
  name: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
});

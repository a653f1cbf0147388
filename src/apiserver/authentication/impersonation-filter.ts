import { attributesOf } from '../authorization/authorization-filter.ts';
import type { AuthorizationAttributes, Authorizer, Filter } from '../contracts.ts';
import { type Impersonated, type ImpersonationMode, impersonationModes } from './impersonation-modes.ts';
import { type Impersonation, readImpersonation } from './impersonation-request.ts';

/** Told of each impersonation, and of each question to the authorizer; `verb` is empty for what no mode allowed. */
export interface ImpersonationObserver {
  attempted(verb: string, allowed: boolean, seconds: number): void;
  asked(verb: string, allowed: boolean, seconds: number): void;
}

const OLD_VERB = 'impersonate';

/**
 * Lets a user act as another when one of the modes allows it (apiserver/pkg/endpoints/filters/impersonation): then all that follows,
 * authorization of the request itself as well, sees the other alone.
 */
export function createImpersonationFilter(authorizer: Authorizer, observer?: ImpersonationObserver): Filter {
  const modes = impersonationModes(observer ? observed(authorizer, observer) : authorizer);
  const lastModes = new LastModes(modes);
  return (next) => async (context, response) => {
    const wanted = readImpersonation(context.request);
    if (wanted) {
      const startMs = performance.now();
      const report = (verb: string, allowed: boolean) => observer?.attempted(verb, allowed, (performance.now() - startMs) / 1000);
      let found: Impersonated;
      try {
        found = await impersonate(wanted, attributesOf(context), lastModes);
      } catch (error) {
        report('', false);
        throw error;
      }
      report(found.constraint || OLD_VERB, true);
      context.user = found.user;
      context.audit?.impersonated?.(found.user, found.constraint);
    }
    await next(context, response);
  };
}

/** The first mode that allows it; rejects with what the first said that did not. */
async function impersonate(wanted: Impersonation, request: AuthorizationAttributes, lastModes: LastModes): Promise<Impersonated> {
  let refusal: unknown;
  for (const mode of lastModes.inOrder(request.user.name)) {
    if (!mode.applies(wanted, request.user)) continue;
    try {
      const found = await mode.check(wanted, request);
      lastModes.remember(request.user.name, mode);
      return found;
    } catch (error) {
      refusal ??= error;
    }
  }
  throw refusal;
}

/** So many users' modes are remembered. */
const REMEMBERED_USERS = 1000;

/** Which mode was good for a user last is tried first: the old way costs those who use it no more than it did. */
class LastModes {
  readonly #modes: readonly ImpersonationMode[];
  readonly #byUser = new Map<string, ImpersonationMode>();

  constructor(modes: readonly ImpersonationMode[]) {
    this.#modes = modes;
  }

  inOrder(user: string): readonly ImpersonationMode[] {
    const last = this.#byUser.get(user);
    return last ? [last, ...this.#modes.filter((mode) => mode !== last)] : this.#modes;
  }

  remember(user: string, mode: ImpersonationMode): void {
    this.#byUser.delete(user);
    this.#byUser.set(user, mode);
    if (this.#byUser.size > REMEMBERED_USERS) this.#byUser.delete(this.#byUser.keys().next().value!);
  }
}

function observed(authorizer: Authorizer, observer: ImpersonationObserver): Authorizer {
  return {
    async authorize(attributes) {
      const startMs = performance.now();
      const decision = await authorizer.authorize(attributes);
      observer.asked(attributes.verb, decision.decision === 'allow', (performance.now() - startMs) / 1000);
      return decision;
    },
  };
}

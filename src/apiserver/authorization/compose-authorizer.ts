import { CodedError } from '../../std/coded-error.ts';
import type { Authorizer } from '../contracts.ts';
import type { AuthorizerChoice } from '../outside-security/configured-authorizers.ts';
import type { OutsideSecurity } from '../outside-security/outside-security.ts';
import { createNodeAuthorizer } from './node-authorizer.ts';
import type { NodeGraph } from './node-graph.ts';
import type { RbacAuthorizer } from './rbac-authorizer.ts';
import { createUnionRuleResolver, everythingResolver, nothingResolver, type RuleResolver } from './rule-resolver.ts';
import {
  alwaysAllowAuthorizer,
  alwaysDenyAuthorizer,
  createUnionAuthorizer,
  privilegedGroupAuthorizer,
} from './union-authorizer.ts';

interface AuthorizerPair {
  readonly authorizer: Authorizer;
  readonly resolver: RuleResolver;
}

/** Those of `--authorization-mode`, in order, or those of a configuration file, as it says at any time. Throws a CodedError for a mode that is none. */
export function composeAuthorizer(
  modes: readonly string[] = ['AlwaysAllow'],
  outside: OutsideSecurity | undefined,
  own: Omit<AuthorizerParts, 'outside'>,
): AuthorizerPair {
  const choose = outside?.chosenAuthorizers;
  if (!choose) return unite(modes, { ...own, outside: outside?.authorizers ?? new Map() });
  const compose = (choice: AuthorizerChoice) => ({
    choice,
    pair: unite(choice.modes, { ...own, outside: choice.authorizers }),
  });
  let last = compose(choose());
  const current = () => {
    const choice = choose();
    if (choice !== last.choice) last = compose(choice);
    return last.pair;
  };
  return {
    authorizer: { authorize: (attributes) => current().authorizer.authorize(attributes) },
    resolver: { rulesFor: (...asked) => current().resolver.rulesFor(...asked) },
  };
}

interface AuthorizerParts {
  readonly rbac: RbacAuthorizer;
  readonly graph: NodeGraph;
  readonly outside: ReadonlyMap<string, Authorizer & RuleResolver>;
}

function unite(modes: readonly string[], { rbac, graph, outside }: AuthorizerParts): AuthorizerPair {
  const node = createNodeAuthorizer(graph);
  const byMode: Readonly<Record<string, Authorizer>> = {
    ...Object.fromEntries(outside),
    Node: node,
    RBAC: rbac,
    AlwaysAllow: alwaysAllowAuthorizer,
    AlwaysDeny: alwaysDenyAuthorizer,
  };
  const resolvers: Readonly<Record<string, RuleResolver>> = {
    ...Object.fromEntries(outside),
    Node: node,
    RBAC: rbac,
    AlwaysAllow: everythingResolver,
    AlwaysDeny: nothingResolver,
  };
  if (!modes.length) throw wrongMode('at least one authorization-mode must be passed');
  for (const mode of modes) {
    if (!Object.hasOwn(byMode, mode)) throw wrongMode(`authorization-mode "${mode}" is not a valid mode`);
    if (modes.indexOf(mode) !== modes.lastIndexOf(mode)) {
      throw wrongMode(`authorization-mode ["${modes.join('" "')}"] has mode specified more than once`);
    }
  }
  return {
    authorizer: createUnionAuthorizer([privilegedGroupAuthorizer, ...modes.map((mode) => byMode[mode]!)]),
    resolver: createUnionRuleResolver(modes.map((mode) => resolvers[mode]!)),
  };
}

const wrongMode = (message: string) => new CodedError(`--authorization-mode: ${message}`, { code: 'AUTHORIZATION_MODE' });

import type { PolicyRule } from '../policy-rule.ts';

const words = (text: string) => text.split(/\s+/).filter(Boolean).sort();

/** `get list watch`, as most roles need it. */
export const READ = 'get list watch';
export const WRITE = 'create update patch delete deletecollection';
export const READ_WRITE = `${READ} ${WRITE}`;

/** A rule in one line: verbs, API groups (`core` is the one without a name) and resources, each list parted by blanks; kept sorted, as upstream keeps them. */
export function allow(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups)
      .map((group) => (group === 'core' ? '' : group))
      .sort(),
    resources: words(resources),
    ...(names && { resourceNames: words(names) }),
  };
}

export function allowPaths(verbs: string, paths: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(paths) };
}

/** Writing Events of both groups. */
export const recordEvents = allow('create update patch', 'core events.k8s.io', 'events');

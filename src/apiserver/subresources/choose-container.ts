import type { V1Pod } from '../../api/gen/types.ts';
import { badRequest } from '../../api/machinery/status-error.ts';

/**
 * The container that is meant: the one named, or the only one (registry/core/pod/strategy.go, validateContainer). Which one of several
 * is the default is for clients to know.
 *
 * @throws StatusError 400 that lists the choices
 */
export function chooseContainer({ metadata, spec }: V1Pod, asked: string): string {
  const names = (list: readonly { readonly name: string }[] | undefined) => (list ?? []).map(({ name }) => name);
  const containers = names(spec?.containers);
  const init = names(spec?.initContainers);
  const pod = metadata?.name;
  if (asked !== '') {
    if ([...containers, ...init, ...names(spec?.ephemeralContainers)].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${pod}`);
  }
  if (containers.length === 1) return containers[0]!;
  const needed = `a container name must be specified for pod ${pod}`;
  if (!containers.length) throw badRequest(needed);
  const orInit = init.length ? ` or one of the init containers: [${init.join(' ')}]` : '';
  throw badRequest(`${needed}, choose one of: [${containers.join(' ')}]${orInit}`);
}

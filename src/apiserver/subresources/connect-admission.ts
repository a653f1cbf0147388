import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { Admission, RequestContext } from '../contracts.ts';
import { admitAction } from './admit-action.ts';
import type { ConnectOptionsObject } from './connect-options.ts';

/** Asks admission about a connection (endpoints/handlers/rest.go, ConnectResource). Plugins may change the options. Throws their refusal. */
export function admitConnection(
  admission: Admission,
  { info, user, warnings, audit }: RequestContext,
  kind: KindDefinition,
  options: ConnectOptionsObject,
): Promise<void> {
  return admitAction(admission, {
    operation: 'CONNECT',
    kind,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    object: options,
    oldObject: undefined,
    user,
    dryRun: false,
    warnings,
    ...(audit && { audit }),
  });
}

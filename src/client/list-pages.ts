import type { KubeList, KubeObject } from '../api/machinery/object.ts';
import { isStatus } from '../api/machinery/status-error.ts';
import type { ListOptions, ResourceClient } from './client.ts';

/**
 * All objects, asked for `limit` at a time (client-go's default of 500), so that neither side holds a huge answer. When the
 * pages' version expires between two of them, the whole is listed in one, as client-go's pager does.
 */
export async function* listPages<T extends KubeObject>(
  resource: ResourceClient<T>,
  options: Omit<ListOptions, 'continue'> = {},
): AsyncGenerator<KubeList<T>, void, undefined> {
  let token: string | undefined;
  do {
    let page: KubeList<T>;
    try {
      page = await resource.list({ limit: 500, ...options, continue: token });
    } catch (error) {
      if (!token || !isStatus(error, 'Expired')) throw error;
      // Whoever reads sees some objects twice, and none too few.
      page = await resource.list({ ...options, limit: undefined });
    }
    yield page;
    token = page.metadata.continue || undefined;
  } while (token);
}

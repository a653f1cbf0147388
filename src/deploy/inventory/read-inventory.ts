import {
  type ComponentFlags,
  type Inventory,
  type InventoryHost,
  inventoryKind,
  type SshSettings,
} from '../../api/config/v1/inventory.ts';
import { FieldsError, readConfiguration } from '../../api/configuration/read-configuration.ts';
import { withDefaults } from '../../api/configuration/with-defaults.ts';
import { CodedError } from '../../std/coded-error.ts';
import { checkInventory } from './check-inventory.ts';
import { withLines } from './field-lines.ts';
import { addressAt } from './networks.ts';

/**
 * Reads an inventory, YAML or JSON, fills in what it leaves out and checks it.
 *
 * @param checkMore mistakes that only somebody else knows of, asked for where there is none other; each begins with its field
 * @throws CodedError INVENTORY_INVALID naming every field that is wrong, and its line; CONFIGURATION_INVALID where the text is no inventory
 */
export async function readInventory(
  text: string,
  checkMore: (inventory: Inventory) => Promise<readonly string[]> = async () => [],
): Promise<Inventory> {
  const { given } = await readConfiguration(text, inventoryKind).catch((cause: unknown) => {
    throw cause instanceof FieldsError ? invalid(text, cause.remarks, cause) : cause;
  });
  const inventory = complete(given);
  const own = checkInventory(inventory);
  const mistakes = own.length > 0 ? own : await checkMore(inventory);
  if (mistakes.length > 0) throw invalid(text, mistakes);
  return inventory;
}

/** Nobody reads more at once, and to find their lines takes time. */
const MOST_TOLD = 50;

function invalid(text: string, mistakes: readonly string[], cause?: unknown): CodedError {
  const told = withLines(text, mistakes.slice(0, MOST_TOLD));
  const more = mistakes.length > MOST_TOLD ? [`${mistakes.length - MOST_TOLD} more`] : [];
  return new CodedError(`the inventory is not valid: ${[...told, ...more].join('; ')}`, { code: 'INVENTORY_INVALID', cause });
}

/** Where `muster lb` listens unless the inventory says otherwise. */
const LOOPBACK = '127.0.0.1';
const BALANCER_PORT = 8443;

/** Types were checked as the fields were read, so the casts hold. */
function complete(given: Readonly<Record<string, unknown>>): Inventory {
  const filled = withDefaults(inventoryKind.fields, given) as unknown as Inventory;
  const hosts = ((given['hosts'] as readonly Record<string, unknown>[] | null | undefined) ?? []).map((host) =>
    completeHost(host, filled),
  );
  const { endpoint, network } = filled;
  const firstMaster = hosts.find(({ roles }) => roles.includes('master'));
  const onEveryHost = endpoint.loadBalancer === 'muster';
  return {
    ...filled,
    hosts,
    endpoint: {
      ...endpoint,
      address: endpoint.address || (onEveryHost ? LOOPBACK : (firstMaster?.address ?? '')),
      port: endpoint.port ?? (onEveryHost ? BALANCER_PORT : filled.apiServer.port),
    },
    network: { ...network, dnsAddress: network.dnsAddress || (addressAt(network.serviceCIDR, 2) ?? '') },
  };
}

function completeHost(host: Readonly<Record<string, unknown>>, { ssh }: Inventory): InventoryHost {
  const field = inventoryKind.fields['hosts']!.type as { readonly list: Parameters<typeof withDefaults>[0] };
  const filled = withDefaults(field.list, host) as unknown as InventoryHost;
  const flags: ComponentFlags = filled.flags;
  const connection: SshSettings = { ...ssh, ...filled.ssh };
  return { ...filled, name: filled.name ?? '', address: filled.address ?? '', flags, ssh: connection };
}

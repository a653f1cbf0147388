import type { V1Endpoints } from '../../gen/types.ts';
import { ageColumn, formatSome, NONE, nameColumn, textColumn } from '../../machinery/columns.ts';
import type { Column } from '../../machinery/kind.ts';

const hostPort = (ip: string, port: number) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

function formatEndpoints({ subsets = [] }: V1Endpoints): string {
  const places = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length ? ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip, port))) : addresses.map(({ ip }) => ip),
  );
  return subsets.length ? formatSome(places, 3) : NONE;
}

export const endpointsColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1Endpoints>('Endpoints', 'Addresses and ports that are ready.', formatEndpoints),
  ageColumn,
];

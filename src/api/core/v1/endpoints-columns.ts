import type { V1EndpointSubset, V1Endpoints } from '../../gen/types.ts';
import { ageColumn, formatSome, NONE, nameColumn, textColumn } from '../../machinery/columns.ts';
import type { Column } from '../../machinery/kind.ts';

const hostPort = (ip: string, port: number) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

const MOST_SHOWN = 3;

/** The first of a subset's places. All of them are as many as its ports times its addresses, and only counted. */
const somePlaces = ({ addresses = [], ports = [] }: V1EndpointSubset): string[] => {
  const [first, few] = [addresses.slice(0, MOST_SHOWN), ports.slice(0, MOST_SHOWN)];
  return ports.length ? few.flatMap(({ port }) => first.map(({ ip }) => hostPort(ip, port))) : first.map(({ ip }) => ip);
};

function formatEndpoints({ subsets = [] }: V1Endpoints): string {
  if (!subsets.length) return NONE;
  const places = subsets.flatMap(somePlaces).slice(0, MOST_SHOWN);
  const all = subsets.reduce((sum, { addresses = [], ports = [] }) => sum + addresses.length * Math.max(ports.length, 1), 0);
  return formatSome(places, MOST_SHOWN, ',', all);
}

export const endpointsColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1Endpoints>('Endpoints', 'Addresses and ports that are ready.', formatEndpoints),
  ageColumn,
];

import type { Observations, SeenCertificate } from './observations.ts';

export interface CalendarEntry {
  readonly certificate: SeenCertificate;
  readonly daysLeft: number;
}

/** Every certificate that was seen, by the day it ends; those that end first come first. */
export function calendar({ certificates, nodes = [], hosts, nowMs }: Observations): CalendarEntry[] {
  const ofNodes = nodes.flatMap(({ probe }) => (probe?.certificate ? [probe.certificate] : []));
  return [...certificates, ...ofNodes, ...hosts.flatMap((host) => host.certificates)]
    .map((certificate) => ({ certificate, daysLeft: Math.floor((certificate.notAfterMs - nowMs) / 86_400_000) }))
    .sort((a, b) => a.certificate.notAfterMs - b.certificate.notAfterMs);
}

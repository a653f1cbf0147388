import { JOURNAL } from '../journal.ts';
import { quote } from '../transport/transport.ts';

/** Ends a member on its host for good: its data is of no use to anybody, and would keep it from ever joining again. May be run again. */
export const leaveScript = (dataDirectory: string): string => `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
systemctl disable --quiet --now etcd.service || exit 1
rm -f ${quote(`${JOURNAL}/units/etcd.service`)}
if [ -d ${quote(dataDirectory)} ]; then find ${quote(dataDirectory)} -xdev -mindepth 1 -delete || exit 1; fi
`;

import { quote } from '../../std/shell-word.ts';
import { ETCD_LEFT, JOURNAL } from '../journal.ts';

/** Ends a member on its host for good: its data is of no use to anybody, and would keep it from ever joining again. May be run again. */
export const leaveScript = (dataDirectory: string): string => `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p ${quote(JOURNAL)} && : > ${quote(ETCD_LEFT)} || exit 1
if systemctl cat etcd.service >/dev/null 2>&1; then systemctl disable --quiet --now etcd.service || exit 1; fi
systemctl reset-failed etcd.service 2>/dev/null || :
rm -f ${quote(`${JOURNAL}/units/etcd.service`)}
if [ -d ${quote(dataDirectory)} ]; then find ${quote(dataDirectory)} -xdev -mindepth 1 -delete || exit 1; fi
`;

/** The host is to have a member again. */
export const returnScript = `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
rm -f ${quote(ETCD_LEFT)}
`;

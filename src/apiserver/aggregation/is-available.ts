import { AVAILABLE } from '../../api/apiregistration/v1/api-service.ts';
import type { V1APIService } from '../../api/gen/types.ts';

/** Whether requests can be sent to what an APIService names. */
export const isAvailable = ({ status }: V1APIService): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === AVAILABLE && value === 'True') ?? false;

/** The HTTP API behind the web page, and the server that runs both. */
export type * from './api.ts';
export { DEFAULT_PORT, type Lab, type LabOptions, startLab } from './server.ts';

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lab, startLab } from '../server.ts';
import { labClient } from './client.ts';
import { writeTinyModel } from './tiny-model.ts';

/** A lab on a model in a folder of its own. */
export interface TinyLab {
  readonly folder: string;
  readonly lab: Lab;
  readonly client: ReturnType<typeof labClient>;
  /** Stops the lab and removes the folder. */
  close(): Promise<void>;
}

/**
 * Starts a lab for tests: no page, any free port.
 *
 * @param write puts the model into the folder; a tiny random one unless told
 */
export async function startTinyLab(
  write: (folder: string) => Promise<unknown> = writeTinyModel,
): Promise<TinyLab> {
  const folder = await mkdtemp(join(tmpdir(), 'glassbox-lab-'));
  await write(folder);
  const lab = await startLab({ model: folder, port: 0, warm: false, page: null });
  return {
    folder,
    lab,
    client: labClient(lab.url),
    async close() {
      await lab.close();
      await rm(folder, { recursive: true });
    },
  };
}

import { join } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import { type FollowedRun, RunFollower } from '../microscope/dictionary/runs/index.ts';
import type { RunListing, RunResponse, RunsResponse } from './api.ts';

/** Where runs are looked for when the lab is told of none. */
const STANDARD = 'runs';

/** The dictionary trainings that the lab follows. */
export class LabRuns {
  readonly #follower: RunFollower;

  /** @param options.runs folders of runs; `runs` in the working directory unless told */
  constructor(options: {
    readonly runs?: readonly string[];
    readonly dictionaries?: readonly string[];
  }) {
    const { runs = [STANDARD], dictionaries = [] } = options;
    // Trainings keep their log beside their dictionaries unless told otherwise.
    this.#follower = new RunFollower([...runs, ...dictionaries.map((at) => join(at, 'run'))]);
  }

  async list(): Promise<RunsResponse> {
    return { runs: (await this.#follower.list()).map(listing), now: Date.now() };
  }

  /** One run with its curves. Throws `unknown-run`. */
  async run(name: string): Promise<RunResponse> {
    const all = await this.#follower.list();
    const found = all.find((run) => run.name === name);
    if (found) {
      const { course } = found;
      return { ...listing(found), now: Date.now(), at: course.at, curves: course.curves() };
    }
    throw new GlassboxError(`there is no run '${name}'`, {
      code: 'unknown-run',
      remedy: 'Use a name of /api/runs; `glassbox lab --runs FOLDER` says where to look.',
    });
  }
}

function listing({ name, course, updated }: FollowedRun): RunListing {
  return { name, ...course.state, updated };
}

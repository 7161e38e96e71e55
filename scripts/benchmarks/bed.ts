// SPDX-License-Identifier: Apache-2.0
import type { Findings } from './report.ts';
import type { Scene } from './scene.ts';

export interface BedOptions {
  readonly repeat: number;
  /** Command lines of further peers. */
  readonly peers: readonly string[];
}

/** Measures one thing on a scene of its own. */
export type Bed = (scene: Scene, options: BedOptions) => Promise<Findings>;

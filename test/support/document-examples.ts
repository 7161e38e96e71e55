// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listDocuments } from '../../scripts/checks/list-documents.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FENCED = /^```ya?ml\n(.*?)^```$/gms;

/** YAML that a reader of the documents may copy and apply. */
export interface DocumentExample {
  readonly document: string;
  /** Where its fence begins. */
  readonly line: number;
  readonly text: string;
}

/** Every fenced YAML of every document of the project. */
export function documentExamples(): DocumentExample[] {
  return listDocuments(ROOT).flatMap((document) => {
    const whole = readFileSync(join(ROOT, document), 'utf8');
    return [...whole.matchAll(FENCED)].map(({ index, 1: text = '' }) => {
      return { document, line: whole.slice(0, index).split('\n').length, text };
    });
  });
}

// SPDX-License-Identifier: Apache-2.0
/** Whoever copies an example of the documents has resources that Leat takes. */
import test from 'ava';
import { collectResources } from '../../../daemon/sources/collect-resources.ts';
import { parseFile } from '../../../daemon/sources/parse-file.ts';
import { formatSourceProblem } from '../../../daemon/sources/source-problem.ts';
import { documentExamples } from '../../support/document-examples.ts';

const found = documentExamples();

test('finds the examples of the documents', (t) => {
  const documents = new Set(found.map(({ document }) => document));
  for (const document of ['README.md', 'docs/configuration.md', 'docs/gateway.md', 'docs/on-premise.md'])
    t.true(documents.has(document), document);
});

for (const { document, line, text } of found) {
  test(`takes the resources of ${document}:${line} as they stand there`, async (t) => {
    const { resources, foreign, problems } = await parseFile(document, text);
    t.deepEqual([...problems, ...collectResources(resources).problems].map(formatSourceProblem), []);
    t.deepEqual(foreign, []);
    t.true(resources.length > 0, 'no resource');
  });
}
